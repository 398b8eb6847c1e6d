/* pg_connection.h - sessions on a PostgreSQL server; the only user of libpq.
 *
 * A session is 'belay' in pg_stat_activity, talks UTF-8, waits for its commits to reach the disk
 * (synchronous_commit=on, whatever the role's or database's default: an acknowledged rename was
 * seen undone by a crash otherwise), sees pg_catalog only (name your schemas), and has no
 * server-side timeouts: the limit is pg_limit(), after which the statement is cancelled. INT and
 * TERM cancel it too, unless held (signals.h). */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "config/database_url.h"

typedef struct PgSession PgSession;
typedef struct PgRows PgRows;

#define PG_LIMIT_MS      60000    /* of a new session */
#define PG_LIMIT_LONG_MS 86400000 /* copies, counts, digests */

/* Enters the first of `databases` (NULL-terminated) that exists and lets this role in. The error
 * tells apart: no server, wrong password, no such database, door shut, no right, no room. */
bool pg_connect(
	const DatabaseUrl *url, const char *const *databases, PgSession **ret, Err *err) NODISCARD;
/* A session such as the application gets in url->name: nothing is set in it. `options`: its
 * PGOPTIONS, or NULL; as for every client, those of the URL come before it. */
bool pg_connect_as_is(
	const DatabaseUrl *url, const char *options, PgSession **ret, Err *err) NODISCARD;
void pg_disconnect(PgSession *session);
DEFINE_AUTO(PgSession, pg_disconnect)

bool pg_alive(PgSession *session); /* idle and not closed by the server, as far as one can see */
int pg_server_version(const PgSession *session); /* 150018 */
int pg_pid(const PgSession *session);            /* as libpq was told; a pooler makes it up */
const char *pg_user(const PgSession *session);
const char *pg_database(const PgSession *session);
void pg_limit(PgSession *session, int64_t ms);
/* SQLSTATE of the last statement that failed, "08006" for a lost connection, "" when none did. */
const char *pg_state(const PgSession *session);
/* The last WARNING since this was asked, then forgotten; NULL: none. GRANT only warns. */
char *pg_warning(PgSession *session);

/* `params` are texts for $1, $2 …, NULL-terminated, or NULL. */
bool pg_query(PgSession *session, const char *sql, const char *const *params, PgRows **ret,
	Err *err) NODISCARD;
/* First column of the first row; *ret NULL for NULL or no row. */
bool pg_value(PgSession *session, const char *sql, const char *const *params, char **ret,
	Err *err) NODISCARD;
bool pg_run(PgSession *session, const char *sql, Err *err) NODISCARD;
bool pg_runf(PgSession *session, Err *err, const char *fmt, ...) PRINTF_LIKE(3, 4) NODISCARD;

int pg_rows(const PgRows *rows);
int pg_columns(const PgRows *rows);
const char *pg_text(const PgRows *rows, int row, int column); /* NULL for NULL */
int64_t pg_int(const PgRows *rows, int row, int column);      /* 0 for NULL */
bool pg_bool(const PgRows *rows, int row, int column);
void pg_rows_free(PgRows *rows);
DEFINE_AUTO(PgRows, pg_rows_free)

char *pg_ident(const char *name);    /* "quoted" for SQL; caller frees */
char *pg_literal(const char *value); /* 'quoted'; NULL gives NULL the keyword */

/* PGHOST, PGPASSWORD … for PostgreSQL's own programs, so that nothing of it is in an argv. */
void pg_environment(const DatabaseUrl *url, const char *database, StrList *env);
