/* freeze.h - reading goes on while the data migrates (database.h is the port itself).
 *
 * freeze: read-only for everybody, by default of the database, not as a barrier (a session may
 * still say READ WRITE): sessions older than it are ended, and the proof at the exchange tells
 * whether somebody wrote nevertheless. PostgreSQL: ALTER DATABASE ... SET
 * default_transaction_read_only = on. SQLite: an open BEGIN IMMEDIATE of this process; it vanishes
 * with belay, and the Database must stay open. Journal first. thaw is safe when nothing is frozen.
 */
#pragma once
#include "database/database.h"

bool database_freeze(Database *db, const char *live_id, Err *err) NODISCARD;
bool database_thaw(Database *db, const char *id, Err *err) NODISCARD;
bool database_is_frozen(Database *db, const char *id, bool *ret, Err *err) NODISCARD;
/* Can this site read while it is frozen? `ret_why` stays empty when it can. */
bool database_can_freeze(Database *db, Err *ret_why, Err *err) NODISCARD;
/* As copy_make, for a frozen database that goes on serving reads: with everyone out and the door
 * shut only for the copy itself (TEMPLATE) when that is predicted to take no longer than
 * max_gap_ms, else from one exported snapshot by dump and restore, without a gap. *ret_gap_ms: how
 * long the door was shut. Leaves both doors open, and the live one frozen. */
bool database_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err) NODISCARD;
