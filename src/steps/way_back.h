/* way_back.h - what a finished upgrade, rollback or restore keeps so that it can be taken back: the
 * database that served before it, in the spare place, and the vector store. Told from the journal's
 * facts and the ids of what is there, never from names. */
#pragma once
#include "database/database.h"
#include "journal/journal.h"
#include "steps/run_ctx.h"

/* Runs whose way back was neither gone nor given up, newest first. */
bool way_backs(Journal *journal, StrList *ret_runs, Err *err) NODISCARD;
/* Gives up that of `run`: drops the kept database (ERR_REFUSED when replication hangs on it) and
 * the kept vector store, and writes it down. Safe to repeat. */
bool way_back_give_up(
	const Site *site, Journal *journal, Database *db, const char *run, Err *err) NODISCARD;
