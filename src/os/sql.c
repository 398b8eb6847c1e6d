#include "os/sql.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define BACKUP_PAGES        2048
#define BACKUP_RESTARTS_MAX 3
#define BACKUP_BUSY_MS      30000

struct Sql {
	sqlite3 *handle;
	char *path;
};

struct SqlRow {
	sqlite3_stmt *statement;
};

static void statement_auto(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

static bool sql_fail(const Sql *sql, const char *doing, Err *err)
{
	int code = sqlite3_errcode(sql->handle);

	return err_fail(err, code == SQLITE_FULL ? ERR_NO_SPACE : ERR_DATABASE,
		"SQLite database '%s': %s: %s", sql->path, doing, sqlite3_errmsg(sql->handle));
}

/* SQLite would make it readable for everybody; -wal and -shm get the same mode as the file. */
static bool create_private(const char *path, Err *err)
{
	int fd;

	if (access(path, F_OK) == 0)
		return true;
	if (!FAULT(err, "sql-create"))
		return false;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_fail_sys(err, "SQLite database '%s'", path);
	close(fd);
	return true;
}

/* A writer that was ended in the midst of a transaction leaves a journal, and whoever reads next
 * has to roll back first; SQLite refuses that to a connection that may only read. */
static bool left_unfinished(const char *path)
{
	AUTO(free_auto) char *journal = str_format("%s-journal", path);
	struct stat about;

	return stat(journal, &about) == 0 && about.st_size > 0;
}

bool sql_open(const char *path, SqlMode mode, int busy_ms, Sql **ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NEW(Sql);
	const bool recovers = mode == SQL_READ && left_unfinished(path);
	const int flags = mode == SQL_READ && !recovers ? SQLITE_OPEN_READONLY
							: SQLITE_OPEN_READWRITE;

	sql->path = str_dup(path);
	if (mode == SQL_CREATE && !create_private(path, err))
		return false;
	if (mode != SQL_CREATE && access(path, F_OK) != 0 && errno == EACCES) {
		err_fail(err, ERR_DATABASE, "SQLite database '%s' is closed to this user", path);
		return err_hint(err, "run belay as the site's user, or as root");
	}
	if (mode != SQL_CREATE && access(path, F_OK) != 0)
		return err_fail(err, ERR_DATABASE, "SQLite database '%s' does not exist", path);
	if (sqlite3_open_v2(path, &sql->handle, flags, NULL) != SQLITE_OK)
		return sql_fail(sql, "opening it", err);
	sqlite3_extended_result_codes(sql->handle, 0);
	sqlite3_busy_timeout(sql->handle, busy_ms);
	if (recovers && sqlite3_exec(sql->handle, "PRAGMA query_only = 1", NULL, NULL, NULL) != 0)
		return sql_fail(sql, "opening it to read", err);
	*ret = TAKE(sql);
	return true;
}

void sql_close(Sql *sql)
{
	if (!sql)
		return;
	sqlite3_close_v2(sql->handle);
	free(sql->path);
	free(sql);
}

static bool prepare(
	Sql *sql, const char *text, const char *const *params, sqlite3_stmt **ret, Err *err)
{
	AUTO(statement_auto) sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(sql->handle, text, -1, &statement, NULL) != SQLITE_OK || !statement)
		return sql_fail(sql, text, err);
	for (int i = 0; params && params[i]; i++) {
		int code = params[i] == SQL_NULL ? sqlite3_bind_null(statement, i + 1)
						 : sqlite3_bind_text(statement, i + 1, params[i],
							   -1, SQLITE_TRANSIENT);

		if (code != SQLITE_OK)
			return sql_fail(sql, text, err);
	}
	*ret = TAKE(statement);
	return true;
}

/* SQLite counts COMMIT as reading, for us it is the one that matters. */
static bool changes_something(sqlite3_stmt *statement, const char *text)
{
	return !sqlite3_stmt_readonly(statement) || sqlite3_strnicmp(text, "COMMIT", 6) == 0;
}

bool sql_run(Sql *sql, const char *text, const char *const *params, Err *err)
{
	AUTO(statement_auto) sqlite3_stmt *statement = NULL;
	int code;

	if (!prepare(sql, text, params, &statement, err))
		return false;
	if (changes_something(statement, text) && !FAULT(err, "sql-run"))
		return false;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		;
	return code == SQLITE_DONE || sql_fail(sql, text, err);
}

bool sql_script(Sql *sql, const char *script, Err *err)
{
	if (!FAULT(err, "sql-script"))
		return false;
	if (sqlite3_exec(sql->handle, script, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(sql, "running a script", err);
	return true;
}

bool sql_rows(Sql *sql, const char *query, const char *const *params,
	bool (*each)(void *arg, const SqlRow *row, Err *err), void *arg, Err *err)
{
	AUTO(statement_auto) sqlite3_stmt *statement = NULL;
	SqlRow row;
	int code;

	if (!prepare(sql, query, params, &statement, err))
		return false;
	row.statement = statement;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!each(arg, &row, err))
			return false;
	}
	return code == SQLITE_DONE || sql_fail(sql, query, err);
}

bool sql_value(Sql *sql, const char *query, const char *const *params, char **ret, Err *err)
{
	AUTO(statement_auto) sqlite3_stmt *statement = NULL;
	int code;

	if (!prepare(sql, query, params, &statement, err))
		return false;
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return sql_fail(sql, query, err);
	*ret = code == SQLITE_ROW ? str_dup((const char *)sqlite3_column_text(statement, 0)) : NULL;
	return true;
}

const char *sql_text(const SqlRow *row, int column)
{
	return (const char *)sqlite3_column_text(row->statement, column);
}

int64_t sql_int(const SqlRow *row, int column)
{
	return sqlite3_column_int64(row->statement, column);
}

const void *sql_blob(const SqlRow *row, int column, int *ret_len)
{
	const void *bytes = sqlite3_column_blob(row->statement, column);

	*ret_len = sqlite3_column_bytes(row->statement, column);
	return bytes;
}

int sql_columns(const SqlRow *row)
{
	return sqlite3_column_count(row->statement);
}

int sql_type(const SqlRow *row, int column)
{
	return sqlite3_column_type(row->statement, column);
}

/* ---- whole files ---- */

static bool sync_path(const char *path, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_fail_sys(err, "'%s'", path);
	return true;
}

static bool sync_file_and_folder(const char *path, Err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO(free_auto)
	char *folder = !slash          ? str_dup(".")
		       : slash == path ? str_dup("/")
				       : str_dup_n(path, (size_t)(slash - path));

	return sync_path(path, err) && sync_path(folder, err);
}

static const char *const companions[] = {"-wal", "-shm", "-journal"};

static bool remove_file_and_companions(const char *path, Err *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return err_fail_sys(err, "'%s'", path);
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO(free_auto) char *other = str_format("%s%s", path, companions[i]);

		if (unlink(other) != 0 && errno != ENOENT)
			return err_fail_sys(err, "'%s'", other);
	}
	return true;
}

static bool companions_gone(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO(free_auto) char *other = str_format("%s%s", path, companions[i]);
		struct stat about;

		/* An empty -journal is what journal_mode=TRUNCATE leaves: nothing is in it. */
		if (stat(other, &about) == 0 && (about.st_size > 0 || i < 2))
			return false;
	}
	return true;
}

typedef struct BackupWatch {
	bool (*on_pages)(void *arg, int left, int total);
	void *arg;
} BackupWatch;

/* In pieces, so that a person can stop it. Without write-ahead log a writer in between makes SQLite
 * start over: after a few times the rest is copied in one go, and writers wait that long. */
static bool backup_steps(sqlite3_backup *backup, Sql *to, const BackupWatch *watch, Err *err)
{
	int pages = BACKUP_PAGES, restarts = 0, before = -1;

	for (;;) {
		int code = sqlite3_backup_step(backup, pages);
		int left = sqlite3_backup_remaining(backup);

		if (code == SQLITE_DONE)
			return true;
		if (code != SQLITE_OK)
			return err_fail(err, code == SQLITE_FULL ? ERR_NO_SPACE : ERR_DATABASE,
				"copying to '%s': %s", to->path, sqlite3_errstr(code));
		if (before >= 0 && left >= before && ++restarts >= BACKUP_RESTARTS_MAX)
			pages = -1;
		before = left;
		if (watch->on_pages &&
			!watch->on_pages(watch->arg, left, sqlite3_backup_pagecount(backup)))
			return err_fail(
				err, ERR_INTERRUPTED, "copying to '%s' was stopped", to->path);
	}
}

/* With a write-ahead log an open read transaction holds one snapshot and hinders nobody. */
static bool backup_hold_snapshot(Sql *from, Err *err)
{
	AUTO(free_auto) char *mode = NULL;

	if (!sql_value(from, "PRAGMA journal_mode", NULL, &mode, err))
		return false;
	if (!str_is(mode, "wal"))
		return true;
	return sql_run(from, "BEGIN", NULL, err) &&
	       sql_run(from, "SELECT count(*) FROM sqlite_schema", NULL, err);
}

static bool backup_into(Sql *from, Sql *to, const BackupWatch *watch, Err *err)
{
	sqlite3_backup *backup;
	bool done;

	if (!backup_hold_snapshot(from, err))
		return false;
	backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	if (!backup)
		return sql_fail(to, "starting the copy", err);
	done = backup_steps(backup, to, watch, err);
	if (sqlite3_backup_finish(backup) != SQLITE_OK && done)
		return sql_fail(to, "finishing the copy", err);
	return done;
}

bool sql_backup(const char *from, const char *to, bool (*on_pages)(void *arg, int left, int total),
	void *arg, Err *err)
{
	AUTO(sql_close_auto) Sql *source = NULL;
	AUTO(sql_close_auto) Sql *target = NULL;
	const BackupWatch watch = {.on_pages = on_pages, .arg = arg};

	if (!sql_open(from, SQL_READ, BACKUP_BUSY_MS, &source, err))
		return false;
	if (!FAULT(err, "sql-backup") || !remove_file_and_companions(to, err))
		return false;
	if (!sql_open(to, SQL_CREATE, BACKUP_BUSY_MS, &target, err))
		return false;
	if (!backup_into(source, target, &watch, err)) {
		AUTO(err_clear) Err ignored = {0};

		sql_close(TAKE(target));
		if (!remove_file_and_companions(to, &ignored))
			return false;
		return false;
	}
	sql_close(TAKE(target));
	if (!companions_gone(to))
		return err_fail(
			err, ERR_DATABASE, "the copy '%s' is in use by another program", to);
	return sync_file_and_folder(to, err);
}

/* The one who closes last folds the log in and removes it; if it is still there, someone else has
 * the file open. */
bool sql_checkpoint_away(const char *path, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(free_auto) char *journal = str_format("%s-journal", path);
	AUTO(free_auto) char *busy = NULL;

	if (!sql_open(path, SQL_WRITE, 2000, &sql, err) || !FAULT(err, "sql-checkpoint"))
		return false;
	/* With this lock a journal that counts has been played back. A writer that was ended as it
	 * began leaves one that says nothing, and SQLite lets it lie. */
	if (!sql_run(sql, "BEGIN EXCLUSIVE", NULL, err) || !file_remove(journal, err) ||
		!sql_run(sql, "ROLLBACK", NULL, err))
		return false;
	if (!sql_value(sql, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, &busy, err))
		return false;
	sql_close(TAKE(sql));
	if (!str_is(busy, "0") || !companions_gone(path))
		return err_fail(err, ERR_DATABASE,
			"SQLite database '%s' is still open in another program", path);
	return sync_file_and_folder(path, err);
}

char *sql_quote_name(const char *name)
{
	AUTO(text_clear) Text out = TEXT_INIT(4096);

	text_add(&out, "\"");
	for (; *name; name++)
		text_add_bytes(&out, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
	text_add(&out, "\"");
	return text_take(&out);
}
