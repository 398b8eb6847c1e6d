#include "database/sqlite.h"

#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"
#include "os/file.h"

static const char infix[] = ".belay-proof-";
#define MARK_END ".made"

/* Beside the live file, where a copy must fit anyway; on an empty machine with the backups. */
static char *scratch_folder(const Database *db)
{
	AUTO(free_auto) char *folder = path_folder(db->live);

	return file_kind(folder) == FILE_ABSENT && db->site->backup_dir
		       ? str_dup(db->site->backup_dir)
		       : TAKE(folder);
}

/* webui.db.belay-proof-20261123134812 */
char *sqlite_scratch_name(const Database *db, const char *run)
{
	AUTO(free_auto) char *folder = scratch_folder(db);
	AUTO(free_auto) char *spare = database_spare_name(db, run);
	const char *stamp = strrchr(spare, '.') + strlen(".belay-");

	return str_format("%s/%s%s%s", folder, path_name(db->live), infix, stamp);
}

bool sqlite_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err)
{
	(void)db;
	(void)err;
	*ret_from_file = false;
	*ret_how = str_dup("SQLite, integrity_check");
	return true;
}

typedef struct OpenFile {
	int fd;
	const char *path;
} OpenFile;

static bool next(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	const OpenFile *file = arg;
	const ssize_t got = read(file->fd, bytes, max);

	if (got < 0)
		return err_fail_sys(err, "reading '%s'", file->path);
	*ret_len = (size_t)got;
	return true;
}

bool sqlite_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	OpenFile file = {.fd = fd, .path = path};

	(void)statistics; /* they are rows of the file */
	if (fd < 0)
		return err_fail_sys(err, "'%s'", path);
	return sqlite_restore(db, scratch, run, next, &file, err);
}

/* The name of the scratch file in `name`, without what SQLite and a restore put beside it. */
static char *scratch_of(const char *name, const char *start)
{
	size_t digits;

	if (!str_starts(name, start))
		return NULL;
	digits = strspn(name + strlen(start), "0123456789");
	return digits == 14 ? str_dup_n(name, strlen(start) + digits) : NULL;
}

static bool remove_with_companions(const char *path, Err *err)
{
	static const char *const ends[] = {"", ".made", ".partial", "-wal", "-shm", "-journal"};
	AUTO(free_auto) char *mark = str_format("%s.made", path);

	/* First: it is found by the others. */
	if (!file_remove_unfinished(mark, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		AUTO(free_auto) char *one = str_format("%s%s", path, ends[i]);

		if (!file_remove(one, err))
			return false;
	}
	return true;
}

static bool sweep(const char *folder, const char *start, const char *kept, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *scratch = scratch_of(names.items[i], start);
		AUTO(free_auto) char *path = scratch ? path_join(folder, scratch) : NULL;

		if (!scratch || str_is(scratch, kept) || strlist_has(ret, scratch))
			continue;
		strlist_add(ret, scratch);
		if (!remove_with_companions(path, err))
			return false;
	}
	return true;
}

/* The mark of a file is removed after it, and written before it has its name. */
static bool sweep_mark(const char *folder, const char *name, Err *err)
{
	AUTO(free_auto) char *mark = path_join(folder, name);
	AUTO(free_auto) char *path = str_dup_n(mark, strlen(mark) - strlen(MARK_END));
	AUTO(free_auto) char *partial = str_format("%s.partial", path);

	return file_exists(path) || file_exists(partial) || file_remove(mark, err);
}

static bool sweep_marks(Database *db, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(db->live);
	AUTO(free_auto) char *start = str_format("%s.belay-", path_name(db->live));
	AUTO(strlist_clear) StrList names = {0};

	if (!folder_exists(folder))
		return true;
	if (!dir_list(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++)
		if (str_starts(names.items[i], start) && str_ends(names.items[i], MARK_END) &&
			!sweep_mark(folder, names.items[i], err))
			return false;
	return true;
}

bool sqlite_scratch_sweep(Database *db, const char *run, StrList *ret, Err *err)
{
	AUTO(free_auto) char *folder = scratch_folder(db);
	AUTO(free_auto) char *start = str_format("%s%s", path_name(db->live), infix);
	AUTO(free_auto) char *kept = run ? sqlite_scratch_name(db, run) : NULL;
	AUTO(free_auto) char *dump = sqlite_dump_place(db);

	if ((file_exists(dump) && !remove_with_companions(dump, err)) || !sweep_marks(db, err))
		return false;
	return !file_exists(folder) ||
	       sweep(folder, start, kept ? path_name(kept) : NULL, ret, err);
}

bool sqlite_kept_drop(Database *db, const char *spare, const char *id, Err *err)
{
	AUTO(free_auto) char *there = NULL;

	if (!path_id(spare, &there, err))
		return false;
	if (there && !str_is(there, id))
		return err_fail(err, ERR_FOREIGN,
			"'%s' is not the file that was set aside there; it stays", spare);
	return sqlite_copy_drop(db, spare, id, NULL, err);
}

/* A file of no bytes is an empty database. */
bool sqlite_make_live(Database *db, Err *err)
{
	const Recipe *recipe = &db->site->recipe;

	if (file_exists(db->live))
		return true;
	return file_write(db->live, "", 0, 0644, err) &&
	       (geteuid() != 0 || file_chown(db->live, recipe->uid, recipe->gid, err));
}

bool sqlite_unmake_live(Database *db, const char *id UNUSED, Err *err)
{
	return file_remove(db->live, err);
}
