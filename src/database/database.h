/* database.h - the port to the site's database: PostgreSQL (on the host or in a container) or a
 * SQLite file. Steps use only this.
 *
 * Two *places* hold a database: `live`, the one Open WebUI's settings name, and `spare`, named
 * after the run (PostgreSQL: NAME_belay_20261123134812; SQLite: webui.db.belay-20261123134812). An
 * upgrade makes a copy in the spare place, migrates it, proves that the live one is still what was
 * copied, and exchanges the two. A rollback is the same exchange. Which database is where is told
 * by its *id*, never by its name: PostgreSQL the OID, SQLite "device:inode"; server_id() says on
 * which server (system identifier; "" for SQLite).
 *
 * A *door* that is shut (ALLOW_CONNECTIONS false) lets nobody in, superusers included; SQLite files
 * have none and these calls do nothing. Journal first, then shut.
 *
 * Order in an upgrade: database_open; copy_make (shuts the live door, everyone out); the migration
 * runs against url_of(spare); exchange (proves, then swaps in one transaction; both doors are shut
 * afterwards); door(live, open). */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "config/site.h"

typedef struct Database Database;

/* PostgreSQL cuts longer names off silently. */
enum { DATABASE_NAME_MAX = 63 };

/* Connects nowhere yet. */
bool database_open(const Site *site, Database **ret, Err *err) NODISCARD;
void database_close(Database *db);
/* The site's settings are others now; a database reached by another way has a copy of them. */
void database_site_changed(Database *db, const Site *site);
DEFINE_AUTO(Database, database_close)

bool database_is_sqlite(const Database *db);
const char *database_live(const Database *db); /* the live place */
char *database_spare_name(const Database *db, const char *run);
char *database_url_of(
	const Database *db, const char *place); /* for DATABASE_URL; has the password */

typedef struct DatabaseAbout {
	char *server; /* "PostgreSQL 15.18 at 127.0.0.1:5432, container openwebui-db",
			 "SQLite 3.40.1" */
	char *name;   /* database or file */
	char *server_id;
	char *encoding;
	int64_t bytes;
	int version_num; /* 150018; 0 for SQLite */
} DatabaseAbout;
bool database_about(Database *db, DatabaseAbout *ret, Err *err) NODISCARD;
void database_about_clear(DatabaseAbout *about);
/* What `status` shows, with as little asked as possible, by the application's own role: server,
 * name, bytes, version_num and the revisions. ERR_DATABASE when the door is shut. */
bool database_glance(Database *db, DatabaseAbout *ret, StrList *ret_revisions, Err *err) NODISCARD;

/* *ret NULL when there is no such database. */
bool database_id(Database *db, const char *place, char **ret, Err *err) NODISCARD;
/* Rows of alembic_version; none when the table is absent. Opens a shut door only for itself? No:
 * ERR_DATABASE when the door is shut. */
bool database_revision(Database *db, const char *place, StrList *ret, Err *err) NODISCARD;
/* {"table": rows, …} of all user tables, sorted by name. */
bool database_counts(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
/* {"table": {"rows": n, "digest": "…"}}: content digests that do not depend on order or session
 * settings; for tests, backup sets and comparisons. */
bool database_digests(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
/* One value of a query, as text; *ret NULL for NULL or no row. For checks. */
bool database_ask(
	Database *db, const char *place, const char *query, char **ret, Err *err) NODISCARD;

/* A number that the server itself knows, whatever databases it has; -1: it has none to tell. */
int64_t database_server_number(Database *db, const char *query);

/* A folder of this machine on whose file system the databases lie; NULL where it cannot be seen
 * from here (another machine, a container without such a folder). */
bool database_folder(Database *db, char **ret, Err *err) NODISCARD;

/* Sessions of others on the live database, readable lines; not those of the application (its role
 * and program name, usually none). A freeze, copy or exchange ends them only if the site says so
 * (disconnect_others), and else fails with ERR_REFUSED, naming them. SQLite: all processes that
 * have it open, "process PID (…)". */
bool database_sessions(Database *db, StrList *ret, Err *err) NODISCARD;
bool database_door(
	Database *db, const char *id, bool open, Err *err) NODISCARD; /* absent id: fine */
bool database_door_is_open(Database *db, const char *id, bool *ret, Err *err) NODISCARD;

/* Shut the live door, everyone out, copy live into spare (owner, encoding, locale, extensions as
 * the live one). *ret_proof is what exchange needs to show that nothing was written since: journal
 * it. Leaves the live door shut and the spare's open. Repeating it starts over. */
bool database_copy_make(
	Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err) NODISCARD;
/* Remove the spare if its id is `id` (or it is marked as made by `run`); never the live one. */
bool database_copy_drop(
	Database *db, const char *spare, const char *id, const char *run, Err *err) NODISCARD;

/* Exchange the two places. `proof` (from copy_make; NULL: no proof, e.g. for a rollback) must still
 * hold for the live one, else ERR_FOREIGN and nothing changed. `live_id` and `spare_id` must be
 * where they are said to be. Properties of the live database (grants, settings, limit, comment) go
 * over to the one that becomes live when `carry` says so. An answer lost at COMMIT is looked up by
 * id. */
typedef struct DatabaseExchange {
	const char *spare;
	const char *live_id, *spare_id; /* before the exchange */
	const char *server_id;
	const char *run;
	const json_t *proof;
	bool carry;
} DatabaseExchange;
bool database_exchange(Database *db, const DatabaseExchange *exchange, Err *err) NODISCARD;

/* Rows written since a baseline (marks taken while nobody can write), for the question before a
 * rollback: {"table": {"newer": n, "rows": now, "was": then}} for tables with a difference only. */
bool database_mark(Database *db, const char *place, json_t **ret_marks, Err *err) NODISCARD;
bool database_written_since(
	Database *db, const char *place, const json_t *marks, json_t **ret, Err *err) NODISCARD;
/* What rows do not show, as sorted texts that are equal after a restore: "revision", "columns",
 * "indexes", "constraints", "triggers", "extensions", "owner" (of the database), "owners",
 * "sequences"
 * ({"name": "next value"}); SQLite: "foreign_key_violations" too. */
bool database_shape(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
/* A consistent dump while the site serves, with figures of the same snapshot: `sink` gets what
 * pg_dump -Fc -Z0 (of the host when it fits, else of the container) or SQLite's backup API wrote.
 */
typedef bool (*DumpSink)(void *arg, const void *bytes, size_t len, Err *err);
typedef struct DumpFigures {
	json_t *tables;          /* as database_digests() */
	json_t *shape;           /* as database_shape() */
	json_t *sequences_after; /* once more after the dump: they know no snapshot */
} DumpFigures;
void dump_figures_clear(DumpFigures *figures);
bool database_dump(Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how,
	Err *err) NODISCARD;
/* Make `spare` from such a stream; `source` gives bytes (0 at the end). */
typedef bool (*DumpSource)(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err);
bool database_restore(Database *db, const char *spare, const char *run, DumpSource source,
	void *arg, Err *err) NODISCARD;

/* Of a dump restored to be looked at: the spare's with "proof" in it. database_copy_drop() it. */
char *database_scratch_name(const Database *db, const char *run);
/* From a file of this machine with several workers, or as a stream? ERR_EXEC: no program for it. */
bool database_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err) NODISCARD;
/* From an unpacked dump, yielding to the site; statistics only if somebody is going to query it. */
bool database_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err) NODISCARD;
/* Remove what killed runs left, but not that of `run` (NULL: all). The caller holds the run lock.
 */
bool database_scratch_sweep(Database *db, const char *run, StrList *ret_names, Err *err) NODISCARD;
/* Remove for good what an exchange set aside: by id, and if it bears the exchange's mark.
 * ERR_REFUSED when replication slots or subscriptions would go with it. */
bool database_kept_drop(Database *db, const char *spare, const char *id, Err *err) NODISCARD;
