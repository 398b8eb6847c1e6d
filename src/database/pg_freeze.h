/* pg_freeze.h - what it takes to let readers go on while the data migrates. Only
 * src/database/pg_*.c include this. */
#pragma once
#include "database/pg.h"

/* -- pg_freeze.c ------------------------------------------------------------------------------- */

bool pg_freeze(Database *db, const char *id, Err *err) NODISCARD;
bool pg_thaw(Database *db, const char *id, Err *err) NODISCARD;
bool pg_is_frozen(Database *db, const char *id, bool *ret, Err *err) NODISCARD;
bool pg_can_freeze(Database *db, Err *ret_why, Err *err) NODISCARD;

/* -- pg_copy_frozen.c -------------------------------------------------------------------------- */

bool pg_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err) NODISCARD;

/* Is TEMPLATE predicted to take no longer than that? */
bool pg_fits_gap(Database *db, const char *id, int64_t max_gap_ms, bool *ret, Err *err) NODISCARD;

/* -- pg_extensions.c --------------------------------------------------------------------------- */

/* Before and after a restore into `place`, by a superuser: extensions get the owner that they have
 * in `live`, where he may make them. Only when something is expected is there anything to end. */
bool pg_extensions_expect(
	Database *db, PgSession *live, const char *place, bool *ret_expected, Err *err) NODISCARD;
bool pg_extensions_made(Database *db, const char *place, Err *err) NODISCARD;

/* -- their tools, beside their like ------------------------------------------------------------ */

/* pg_obstacles.c: those of the obstacles that write through a freeze, or cannot be ended for one.
 */
bool pg_freeze_obstacles(Database *db, Err *ret, Err *err) NODISCARD;

/* Something to look for: each row of the query is a finding, its columns (at most three) are the
 * values of the text. $1 is the OID of the live database. Tables end with a NULL query. */
typedef struct PgFinding {
	const char *query;
	const char *text; /* N_("…%s…") */
	int since, until; /* major versions that have what it asks for; 0: any */
} PgFinding;
bool pg_find(
	PgSession *session, const PgFinding *table, const char *id, Err *ret, Err *err) NODISCARD;
/* pg_access.c */
/* Ends those that began before this moment, and those that are just starting: what was set for the
 * database before the call is in force in all that are left. Sessions that may not be ended, or
 * that nobody agreed to end, are added to ret_refused; NULL: they are an error. */
bool pg_older_out(Database *db, const char *id, StrList *ret_refused, Err *err) NODISCARD;
/* pg_copy.c: shuts the door, sends everyone out and takes the proof. */
bool pg_empty_and_record(Database *db, const char *id, json_t **ret_proof, Err *err) NODISCARD;
/* pg_proof.c */
/* In the session's open transaction, whose snapshot it is about. */
bool pg_proof_record(
	Database *db, PgSession *session, const char *id, json_t **ret, Err *err) NODISCARD;
/* BEGIN and SHARE locks on all tables, within limit_ms. */
bool pg_lock_tables(PgSession *session, int limit_ms, Err *err) NODISCARD;
