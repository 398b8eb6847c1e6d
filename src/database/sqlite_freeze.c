#include "database/sqlite.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"
#include "os/file.h"
#include "os/signals.h"

/* The freeze is the write lock of the file, held by an open transaction of ours: with a write-ahead
 * log readers go on, and a writer waits for its own busy timeout and is refused. It vanishes with
 * this process, whatever happens to it.
 *
 * POSIX drops all locks of a process on a file when the process closes any descriptor of it. While
 * frozen nothing here may open webui.db or its -shm but through SQLite, which knows of that. Should
 * it happen all the same and somebody write, PRAGMA data_version tells: it changes for the holder
 * whenever another connection has committed. */
enum { BUSY_MS = 5000 };

struct SqliteFreeze {
	Sql *holder;
	char *id;      /* of the file */
	char *version; /* data_version when the lock was got */
	char *token;   /* this freeze and no other */
};

static void let_go(Database *db)
{
	SqliteFreeze *freeze = db->backend;

	if (!freeze)
		return;
	sql_close(freeze->holder);
	free(freeze->id);
	free(freeze->version);
	free(freeze->token);
	free(freeze);
	db->backend = NULL;
}

void sqlite_freeze_end(Database *db)
{
	let_go(db);
}

static bool journal_mode(const char *path, char **ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;

	return sql_open(path, SQL_READ, BUSY_MS, &sql, err) &&
	       sql_value(sql, "PRAGMA journal_mode", NULL, ret, err);
}

bool sqlite_can_freeze(Database *db, Err *ret_why, Err *err)
{
	AUTO(free_auto) char *mode = NULL;

	if (!journal_mode(db->live, &mode, err))
		return false;
	if (!str_is(mode, "wal") && !str_is(db->site->sqlite_freeze, "yes"))
		err_fail(ret_why, ERR_REFUSED,
			"the SQLite file has no write-ahead log: Open WebUI before 0.9"
			" stalls at each write to a frozen file, reads included");
	return true;
}

bool sqlite_freeze(Database *db, const char *live_id, Err *err)
{
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *version = NULL;
	AUTO(err_clear) Err why = {0};
	AUTO(sql_close_auto) Sql *holder = NULL;
	SqliteFreeze *freeze;

	let_go(db);
	if (!path_id(db->live, &id, err) || !sqlite_can_freeze(db, &why, err))
		return false;
	if (!str_is(id, live_id))
		return err_fail(err, ERR_FOREIGN, "'%s' is not the database with the id %s",
			db->live, live_id);
	if (why.kind != ERR_NONE) {
		err_move(err, &why);
		return false;
	}
	if (!sql_open(db->live, SQL_WRITE, BUSY_MS, &holder, err) || !FAULT(err, "sqlite-freeze") ||
		!sql_run(holder, "BEGIN IMMEDIATE", NULL, err) ||
		!sql_value(holder, "PRAGMA data_version", NULL, &version, err))
		return err_wrap(err, "freezing '%s'", db->live);
	freeze = NEW(SqliteFreeze);
	freeze->holder = TAKE(holder);
	freeze->id = TAKE(id);
	freeze->version = TAKE(version);
	freeze->token = str_format("%d-%lld", (int)getpid(), (long long)clock_mono_ms());
	db->backend = freeze;
	return true;
}

bool sqlite_thaw(Database *db, const char *id, Err *err)
{
	const SqliteFreeze *freeze = db->backend;

	(void)err;
	if (freeze && str_is(freeze->id, id))
		let_go(db);
	return true;
}

bool sqlite_is_frozen(Database *db, const char *id, bool *ret, Err *err)
{
	const SqliteFreeze *freeze = db->backend;

	(void)err;
	*ret = freeze && str_is(freeze->id, id);
	return true;
}

/* ---- the copy ---- */

static bool not_stopped(void *arg, int left, int total)
{
	(void)arg;
	(void)left;
	(void)total;
	return !signals_pending();
}

/* The digests are those of the copy, which is what the migration starts from; with the lock held
 * all the time they are not needed, but they outlive this process. */
bool sqlite_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err)
{
	const SqliteFreeze *freeze = db->backend;
	AUTO(free_auto) char *partial = sqlite_partial(spare);
	AUTO(json_release_auto) json_t *proof = json_object();
	json_t *tables = NULL;

	(void)max_gap_ms;
	if (!freeze)
		return err_fail(err, ERR_INTERNAL, "'%s' is not frozen", db->live);
	if (!sqlite_make_room(db, spare, run, err) ||
		!sql_backup(db->live, partial, not_stopped, NULL, err) ||
		!sqlite_digests(partial, &tables, err))
		return false;
	json_put(proof, "id", freeze->id);
	json_put(proof, "freeze", freeze->token);
	json_object_set_new(proof, "tables", tables);
	if (!sqlite_adopt_partial(db, spare, run, err))
		return false;
	*ret_proof = TAKE(proof);
	*ret_gap_ms = 0;
	return true;
}

/* ---- whether the proof holds ---- */

static bool changed(const char *path, const char *how, Err *err)
{
	return err_fail(
		err, ERR_FOREIGN, "'%s' was written to since it was copied (%s)", path, how);
}

/* Trades the write lock for one that shuts out readers too. It cannot be got while anybody else has
 * the file open, and it stays until the holder closes. */
static bool lock_alone(SqliteFreeze *freeze, const char *path, Err *err)
{
	AUTO(free_auto) char *mode = NULL;
	AUTO(free_auto) char *version = NULL;
	AUTO(free_auto) char *busy = NULL;

	/* Not ROLLBACK: that takes whatever the log says now for the holder's own state, and a
	 * write of somebody else would not be noticed. There is nothing to commit. */
	if (!sql_run(freeze->holder, "COMMIT", NULL, err) ||
		!sql_value(freeze->holder, "PRAGMA locking_mode=EXCLUSIVE", NULL, &mode, err) ||
		!sql_run(freeze->holder, "BEGIN IMMEDIATE", NULL, err) ||
		!sql_value(freeze->holder, "PRAGMA data_version", NULL, &version, err) ||
		!sql_run(freeze->holder, "ROLLBACK", NULL, err))
		return err_wrap(err, "locking '%s' for the last look", path);
	if (!str_is(version, freeze->version))
		return changed(path, "by another program, in spite of the lock", err);
	if (!sql_value(freeze->holder, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, &busy, err))
		return err_wrap(err, "folding the log of '%s' in", path);
	return str_is(busy, "0") ||
	       err_fail(err, ERR_DATABASE, "'%s' is still open in another program", path);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* From the freeze to the closing without a moment in which somebody could have written. */
static bool unbroken(Database *db, Err *err)
{
	SqliteFreeze *freeze = db->backend;
	struct stat before = {0}, after = {0};

	if (!lock_alone(freeze, db->live, err)) {
		let_go(db);
		return false;
	}
	if (stat(db->live, &before) != 0)
		return err_fail_sys(err, "'%s'", db->live);
	let_go(db);
	if (stat(db->live, &after) != 0)
		return err_fail_sys(err, "'%s'", db->live);
	return same_file(&before, &after) || changed(db->live, "as the lock was given up", err);
}

/* The freeze ended with the process that held it: what was written meanwhile shows in the content
 * only. A log from before is part of that, and folding it in changes nothing. */
static bool same_content(Database *db, const json_t *proof, Err *err)
{
	AUTO(json_release_auto) json_t *now = NULL;
	AUTO(json_release_auto) json_t *differences = NULL;

	if (!sql_checkpoint_away(db->live, err) || !sqlite_digests(db->live, &now, err))
		return false;
	if (json_equal(now, json_object_get(proof, "tables")))
		return true;
	differences = sqlite_differences(json_object_get(proof, "tables"), now);
	AUTO(free_auto) char *tables = json_line(differences);

	return changed(db->live, tables, err);
}

bool sqlite_frozen_proof(Database *db, const json_t *proof, Err *err)
{
	const SqliteFreeze *freeze = db->backend;

	if (freeze && str_is(freeze->token, json_str(proof, "freeze")))
		return unbroken(db, err);
	let_go(db);
	return same_content(db, proof, err);
}
