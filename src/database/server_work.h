/* server_work.h - what a PostgreSQL server did for everybody: how much it wrote to its log (WAL)
 * and how often it was made to do a checkpoint. A rehearsal tells how much of it the upgrade will
 * take. */
#pragma once
#include "database/database.h"

/* Since the server was made, or since its statistics were reset. -1: it does not say, and SQLite.
 */
typedef struct ServerWork {
	int64_t wal_bytes;
	int64_t checkpoints; /* that somebody's writing or command asked for */
} ServerWork;

ServerWork server_work(Database *db);
/* From `begin` until now; 0 where it cannot be told. */
ServerWork server_work_since(Database *db, ServerWork begin);
