/* pg_rights.h - what stands in the way of an upgrade before it begins, and the database of a site
 * that has none. Only src/database/pg_*.c include this; the promises are those of database.h and
 * make_live.h. */
#pragma once
#include "database/pg.h"

/* pg_rights.c */
bool pg_try_rights(Database *db, Err *err) NODISCARD;
/* LIVE_belay_try_PID_x, where a right is tried: of this site and of one process. */
char *pg_trial_name(const Database *db, pid_t pid, char which);
/* Drops those that a killed process left; their names are added to *ret. */
bool pg_trial_sweep(Database *db, StrList *ret, Err *err) NODISCARD;
/* pg_obstacles.c */
bool pg_obstacles(Database *db, Err *ret, Err *err) NODISCARD;
bool pg_replication(Database *db, Err *ret, Err *err) NODISCARD;
/* pg_make_live.c */
bool pg_make_live(Database *db, Err *err) NODISCARD;
bool pg_unmake_live(Database *db, const char *id, Err *err) NODISCARD;
