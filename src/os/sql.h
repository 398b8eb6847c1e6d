/* sql.h - SQLite databases: our journal and the data of SQLite sites; the only user of libsqlite3.
 * Parameters are texts bound to ?1, ?2 …; a NULL pointer binds NULL only through SQL_NULL. */
#pragma once
#include <stdint.h>

#include "base/error.h"

typedef struct Sql Sql;
typedef struct SqlRow SqlRow;

typedef enum {
	SQL_READ,   /* must exist; read only, but rolls back what a killed writer left */
	SQL_WRITE,  /* must exist */
	SQL_CREATE, /* made when absent, mode 0600 */
} SqlMode;

#define SQL_NULL ((const char *)-1)

/* Waits up to busy_ms for locks of others. */
bool sql_open(const char *path, SqlMode mode, int busy_ms, Sql **ret, Err *err) NODISCARD;
void sql_close(Sql *sql);
DEFINE_AUTO(Sql, sql_close)

/* One statement; `params` is NULL-terminated or NULL (ARGV() of proc.h makes one). */
bool sql_run(Sql *sql, const char *statement, const char *const *params, Err *err) NODISCARD;
/* Several statements without parameters, e.g. a schema. */
bool sql_script(Sql *sql, const char *script, Err *err) NODISCARD;
/* `each` may return false with err set to stop. */
bool sql_rows(Sql *sql, const char *query, const char *const *params,
	bool (*each)(void *arg, const SqlRow *row, Err *err), void *arg, Err *err) NODISCARD;
/* First column of the first row; *ret NULL when there is no row or it is NULL. */
bool sql_value(
	Sql *sql, const char *query, const char *const *params, char **ret, Err *err) NODISCARD;
const char *sql_text(const SqlRow *row, int column); /* NULL for NULL */
/* "name", for a statement. Caller frees. */
char *sql_quote_name(const char *name);
int64_t sql_int(const SqlRow *row, int column);
/* Bytes of a text or blob as they are stored. */
const void *sql_blob(const SqlRow *row, int column, int *ret_len);
int sql_columns(const SqlRow *row);
int sql_type(const SqlRow *row, int column); /* 1 integer, 2 float, 3 text, 4 blob, 5 NULL */

/* Online backup: a consistent copy of `from` at `to` (made anew, 0600, no -wal left), while others
 * read and write. Synced. `on_pages` may be NULL; false from it stops with ERR_INTERRUPTED. */
bool sql_backup(const char *from, const char *to, bool (*on_pages)(void *arg, int left, int total),
	void *arg, Err *err) NODISCARD;
/* Fold the write-ahead log into the file and leave no -wal and -shm behind: ERR_DATABASE when
 * somebody still has it open. The journal mode is left as it was. */
bool sql_checkpoint_away(const char *path, Err *err) NODISCARD;
