#include "database/sqlite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"
#include "os/copy.h"
#include "os/file.h"

#define CHUNK   (1024 * 1024)
#define BUSY_MS 30000
#define MAGIC   "SQLite format 3"

static bool stream_out(const char *path, DumpSink sink, void *arg, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(free_auto) char *chunk = mem_new(1, CHUNK);

	if (fd < 0)
		return err_fail_sys(err, "'%s'", path);
	for (;;) {
		const ssize_t got = read(fd, chunk, CHUNK);

		if (got < 0)
			return err_fail_sys(err, "reading '%s'", path);
		if (!got)
			return true;
		if (!sink(arg, chunk, (size_t)got, err))
			return false;
	}
}

char *sqlite_dump_place(const Database *db)
{
	return path_join(db->site->state_dir, "dump.partial");
}

bool sqlite_dump(Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how, Err *err)
{
	AUTO(free_auto) char *copy = sqlite_dump_place(db);
	AUTO(dump_figures_clear) DumpFigures all = {0};
	AUTO(err_clear) Err ignored = {0};
	bool done;

	done = sql_backup(db->live, copy, NULL, NULL, err) &&
	       sqlite_digests(copy, &all.tables, err) && sqlite_shape_of(copy, &all.shape, err) &&
	       stream_out(copy, sink, arg, err);
	if (!file_remove(copy, &ignored))
		event_warn_err("leftover", &ignored);
	if (!done)
		return err_wrap(err, "copying '%s'", db->live);
	/* The copy stood still: here sequences belong to the snapshot. */
	all.sequences_after = json_incref(json_object_get(all.shape, "sequences"));
	*ret = all;
	all = (DumpFigures){0};
	*ret_how = str_dup("SQLite online backup API");
	return true;
}

static bool stream_in(const char *path, DumpSource source, void *arg, Err *err)
{
	AUTO(free_auto) char *chunk = mem_new(1, CHUNK);
	AUTO(close_auto) int fd = -1;
	size_t got = 0;

	if (!FAULT(err, "sqlite-restore"))
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_fail_sys(err, "'%s'", path);
	do {
		if (!source(arg, chunk, CHUNK, &got, err))
			return false;
		if (!write_all(fd, chunk, got))
			return err_fail_sys(err, "writing '%s'", path);
	} while (got);
	return fsync(fd) == 0 || err_fail_sys(err, "'%s'", path);
}

static bool looks_like_sqlite(const char *path, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char head[sizeof(MAGIC)] = "";

	if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		memcmp(head, MAGIC, sizeof(MAGIC)) != 0)
		return err_fail(err, ERR_VERIFY, "what was restored is not a SQLite database");
	return true;
}

/* Foreign keys are a warning: neither 0.7.2 nor 0.12.4 makes SQLite enforce them. */
static bool check(const char *path, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(free_auto) char *verdict = NULL;
	AUTO(free_auto) char *orphans = NULL;

	if (!looks_like_sqlite(path, err) || !sql_open(path, SQL_READ, BUSY_MS, &sql, err) ||
		!sql_value(sql, "PRAGMA integrity_check(1)", NULL, &verdict, err))
		return false;
	if (!str_is(verdict, "ok"))
		return err_fail(err, ERR_VERIFY, "the restored database is damaged: %s",
			verdict ? verdict : "no answer");
	if (!sql_value(sql, "SELECT count(*) FROM pragma_foreign_key_check", NULL, &orphans, err))
		return false;
	if (!str_is(orphans, "0"))
		event_notice("foreign-keys", true,
			"rows of the restored database that refer to rows which do not exist: %s",
			orphans);
	return true;
}

bool sqlite_restore(
	Database *db, const char *spare, const char *run, DumpSource source, void *arg, Err *err)
{
	AUTO(free_auto) char *partial = sqlite_partial(spare);

	if (!sqlite_make_room(db, spare, run, err))
		return false;
	if (!stream_in(partial, source, arg, err) || !check(partial, err))
		return err_wrap(err, "restoring to '%s'", spare);
	return sqlite_adopt_partial(db, spare, run, err);
}
