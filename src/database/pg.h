/* pg.h - what the files of the PostgreSQL backend share. Only src/database/pg_*.c include this.
 *
 * Two identities: the site's role (site->database) and the admin (site->admin_url, else the same).
 * The admin session sits in a database that is never renamed ('postgres', else 'template1'), is
 * kept between calls and renewed when the server closed it. */
#pragma once
#include <stdatomic.h>

#include "database/ops.h"
#include "database/pg_connection.h"

typedef struct PgBackend {
	DatabaseUrl admin_url; /* owned; used when has_admin_url */
	bool has_admin_url;
	PgSession *admin;
	char *server_id;
} PgBackend;

/* -- pg_access.c: who is where, doors, sessions ------------------------------------------------ */

const DatabaseUrl *pg_admin_url(const Database *db);
/* Borrowed; idle, outside a transaction. */
bool pg_admin(Database *db, PgSession **ret, Err *err) NODISCARD;
bool pg_server_id(Database *db, const char **ret, Err *err) NODISCARD; /* borrowed */
/* A session of the site's role in `place`. */
bool pg_open(Database *db, const char *place, PgSession **ret, Err *err) NODISCARD;
/* One of the admin: a database may hold tables of others that the site's role must not read. */
bool pg_open_all(Database *db, const char *place, PgSession **ret, Err *err) NODISCARD;

typedef struct PgEntry {
	char *id, *name, *owner;
	char *comment; /* NULL: none */
	bool open;
} PgEntry;
void pg_entry_clear(PgEntry *entry);
/* By name or (name NULL) by id; ret->id stays NULL when there is none. */
bool pg_entry(Database *db, const char *name, const char *id, PgEntry *ret, Err *err) NODISCARD;

bool pg_door(Database *db, const char *id, bool open, Err *err) NODISCARD;
bool pg_door_is_open(Database *db, const char *id, bool *ret, Err *err) NODISCARD;
/* A session of the admin in the database `id`, behind a door that is shut afterwards (`shut`), or
 * as it was found. A shut door opens for that moment. */
bool pg_enter(Database *db, const char *id, bool shut, PgSession **ret, Err *err) NODISCARD;
/* Ends all sessions there but keep_pid (0: none), again and again until none is left. PG_AGREED:
 * ERR_REFUSED naming those of others that nobody agreed to end (site->disconnect_others,
 * site->accept_replication for replication's own); the rest is ended all the same. */
typedef enum { PG_EVERYBODY, PG_AGREED } PgWhom;
bool pg_others_out(Database *db, const char *id, int keep_pid, PgWhom whom, Err *err) NODISCARD;
bool pg_sessions(Database *db, StrList *ret, Err *err) NODISCARD;

/* -- pg_content.c: tables ---------------------------------------------------------------------- */

typedef struct PgTable {
	char *id;    /* OID */
	char *label; /* as people name it: "chat", "other.chat" */
	char *sql;   /* quoted, with schema */
	bool lockable;
} PgTable;
typedef struct PgTables {
	PgTable *items;
	size_t len;
} PgTables;
void pg_tables_clear(PgTables *tables);
/* User tables and materialized views, sorted by label. */
bool pg_tables(PgSession *session, PgTables *ret, Err *err) NODISCARD;
/* {"table": rows} within whatever transaction is open. */
bool pg_count_all(PgSession *session, const PgTables *tables, json_t **ret, Err *err) NODISCARD;

bool pg_revision(PgSession *session, StrList *ret, Err *err) NODISCARD;
bool pg_counts(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
bool pg_digests(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
/* Within whatever transaction is open. `stop` (NULL: never) is looked at between tables. */
bool pg_digest_all(PgSession *session, const PgTables *tables, const atomic_bool *stop,
	json_t **ret, Err *err) NODISCARD;

/* -- pg_shape.c: what a table's rows do not show ----------------------------------------------- */

bool pg_shape(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
bool pg_shape_in(PgSession *session, json_t **ret, Err *err) NODISCARD;
/* {"schema.name": "next value"}. They know no snapshot. */
bool pg_sequences(PgSession *session, json_t **ret, Err *err) NODISCARD;

/* -- pg_proof.c: nothing was written since -- */

/* In a session that is the only one there. */
bool pg_proof_take(
	Database *db, PgSession *session, const char *id, json_t **ret, Err *err) NODISCARD;
/* SHARE locks on everything for the moment of looking; ERR_FOREIGN names what was written. */
bool pg_proof_check(PgSession *session, const json_t *proof, Err *err) NODISCARD;
bool pg_mark(Database *db, const char *place, json_t **ret, Err *err) NODISCARD;
bool pg_written_since(
	Database *db, const char *place, const json_t *marks, json_t **ret, Err *err) NODISCARD;
/* SQL: was the row whose xmin is the number x written since? */
bool pg_newer_condition(PgSession *session, const json_t *marks, char **ret, Err *err) NODISCARD;
/* A session of the admin in `place`, whose door stays as it is. */
bool pg_enter_place(
	Database *db, const char *place, PgEntry *entry, PgSession **ret, Err *err) NODISCARD;
/* pg_orphans.c, pg_folder.c, pg_export.c */
bool pg_orphans(Database *db, Err *ret, Err *err) NODISCARD;
bool pg_folder(Database *db, char **ret, Err *err) NODISCARD;
bool pg_export_since(
	Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err) NODISCARD;

/* -- pg_properties.c: what belongs to a database but not into it -- */

/* Grants, settings (all but default_transaction_read_only) and connection limit of `from` for `to`,
 * in the admin's current transaction. */
bool pg_properties_carry(PgSession *admin, const char *from, const char *to, Err *err) NODISCARD;
bool pg_comment_set(PgSession *admin, const char *name, const char *comment, Err *err) NODISCARD;

/* pg_copy.c */
char *pg_mark_of(const char *run); /* the comment of a copy made by `run` */
/* Removes what `run` left there; ERR_FOREIGN when something else has that name. */
bool pg_clear_spare(Database *db, const char *spare, const char *run, Err *err) NODISCARD;
bool pg_create_spare(
	Database *db, const char *spare, const char *run, bool from_live, Err *err) NODISCARD;
bool pg_copy_make(
	Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err) NODISCARD;
bool pg_copy_drop(
	Database *db, const char *spare, const char *id, const char *run, Err *err) NODISCARD;
/* pg_exchange.c */
bool pg_exchange(Database *db, const DatabaseExchange *exchange, Err *err) NODISCARD;
/* pg_program.c */
typedef struct PgProgram {
	StrList argv; /* the program, in the container or not, and where it connects */
	StrList env;
	char *how;    /* "pg_dump 15.18", "pg_dump (Docker: db)" */
	bool of_host; /* it can read files of this machine */
} PgProgram;
void pg_program_clear(PgProgram *program);
/* pg_dump or pg_restore, for `database` as the role of `url`: of the host when there is one that is
 * not older than the server, else of the container. */
bool pg_program(Database *db, const char *name, int server_version, const DatabaseUrl *url,
	const char *database, PgProgram *ret, Err *err) NODISCARD;
/* pg_dump.c */
bool pg_is_superuser(PgSession *session, bool *ret, Err *err) NODISCARD;
/* pg_restore brings no planner statistics: without ANALYZE the first queries crawl. */
bool pg_analyze(Database *db, const char *place, Err *err) NODISCARD;
bool pg_dump(Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how,
	Err *err) NODISCARD;
bool pg_restore(Database *db, const char *spare, const char *run, DumpSource source, void *arg,
	Err *err) NODISCARD;
/* pg_scratch.c */
char *pg_scratch_name(const Database *db, const char *run);
bool pg_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err) NODISCARD;
bool pg_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err) NODISCARD;
bool pg_scratch_sweep(Database *db, const char *run, StrList *ret, Err *err) NODISCARD;
bool pg_kept_drop(Database *db, const char *spare, const char *id, Err *err) NODISCARD;
