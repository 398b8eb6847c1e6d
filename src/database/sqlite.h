/* sqlite.h - the parts of the SQLite backend of the port. Only src/database includes this.
 *
 * The copy is made under SPARE.partial and renamed when it is complete. Beside it lies SPARE.made,
 * a line with the run and the file's id: an exchange gives the name SPARE to the old database, so a
 * name alone must never be enough to remove a file. */
#pragma once
#include "base/json.h"
#include "base/list.h"
#include "database/database.h"
#include "database/export.h"
#include "os/sql.h"

/* sqlite_digest.c: what is in a file. Paths, not places. */
bool sqlite_counts(const char *path, json_t **ret, Err *err) NODISCARD;
bool sqlite_digests(const char *path, json_t **ret, Err *err) NODISCARD;
/* {"table": {"newer": n, "rows": now, "was": then}}. newer: rows more than at the marks; -1 when
 * rows were changed or exchanged for others, so that their number cannot be told from counts. */
json_t *sqlite_differences(const json_t *marks, const json_t *now);

/* sqlite_export.c */
bool sqlite_export_since(
	Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err) NODISCARD;

/* sqlite_users.c: processes that have the file open, as readable lines. Processes whose descriptors
 * may not be seen (not root, another user's) are missing. */
bool sqlite_users(const char *path, bool only_writers, StrList *ret, Err *err) NODISCARD;
/* ERR_DATABASE naming them when somebody could write. */
bool sqlite_nobody_writes(const char *path, Err *err) NODISCARD;

/* sqlite_copy.c */
bool sqlite_copy_make(
	Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err) NODISCARD;
bool sqlite_copy_drop(
	Database *db, const char *spare, const char *id, const char *run, Err *err) NODISCARD;
bool sqlite_exchange(Database *db, const DatabaseExchange *exchange, Err *err) NODISCARD;
/* SPARE.partial -> SPARE, with the owner and mode of the live file and the mark of `run`. */
char *sqlite_partial(const char *spare);
bool sqlite_adopt_partial(Database *db, const char *spare, const char *run, Err *err) NODISCARD;
/* Room for a new spare of this run: leftovers of it go; ERR_FOREIGN for a file that is not its. */
bool sqlite_make_room(Database *db, const char *spare, const char *run, Err *err) NODISCARD;

/* sqlite_freeze.c */
typedef struct SqliteFreeze SqliteFreeze;
bool sqlite_freeze(Database *db, const char *live_id, Err *err) NODISCARD;
bool sqlite_thaw(Database *db, const char *id, Err *err) NODISCARD;
bool sqlite_is_frozen(Database *db, const char *id, bool *ret, Err *err) NODISCARD;
bool sqlite_can_freeze(Database *db, Err *ret_why, Err *err) NODISCARD;
bool sqlite_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err) NODISCARD;
/* The proof of such a copy, once nobody has the file open. Ends the freeze. */
bool sqlite_frozen_proof(Database *db, const json_t *proof, Err *err) NODISCARD;
void sqlite_freeze_end(Database *db);

/* sqlite_shape.c */
bool sqlite_shape_of(const char *path, json_t **ret, Err *err) NODISCARD;

/* sqlite_dump.c */
bool sqlite_dump(Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how,
	Err *err) NODISCARD;
bool sqlite_restore(Database *db, const char *spare, const char *run, DumpSource source, void *arg,
	Err *err) NODISCARD;

/* sqlite_scratch.c */
char *sqlite_scratch_name(const Database *db, const char *run);
bool sqlite_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err) NODISCARD;
bool sqlite_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err) NODISCARD;
/* Where sqlite_dump() copies to, always the same: a kill leaves one copy of everything at most, and
 * the sweep finds it. */
char *sqlite_dump_place(const Database *db);
bool sqlite_scratch_sweep(Database *db, const char *run, StrList *ret, Err *err) NODISCARD;
bool sqlite_make_live(Database *db, Err *err) NODISCARD;
bool sqlite_unmake_live(Database *db, const char *id, Err *err) NODISCARD;
bool sqlite_kept_drop(Database *db, const char *spare, const char *id, Err *err) NODISCARD;
