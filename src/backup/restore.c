#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/backup.h"

#include "backup/manifest.h"
#include "backup/set_dump.h"
#include "backup/set_file.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

#define UPLOADS "files/uploads/"
#define VECTORS "files/vector_db/"

static bool need_manifest(const BackupSet *set, Err *err)
{
	if (set->manifest)
		return true;
	err_fail(err, ERR_REFUSED, "'%s' is a dump made by hand: it holds the database only",
		set->name);
	return err_hint(err, "restore it with pg_restore, or choose a backup set: belay backups");
}

static bool check_file(const BackupSet *set, const json_t *file, Err *err)
{
	const char *slug;

	return set_file_check(set, file, &slug, err);
}

bool backup_check_files(const BackupSet *set, Err *err)
{
	const json_t *file;
	size_t i;

	if (!need_manifest(set, err))
		return false;
	json_array_foreach(json_object_get(set->manifest, "files"), i,
		file) if (!check_file(set, file, err)) return false;
	return true;
}

bool backup_restore_database(
	const BackupSet *set, Database *db, const char *spare, const char *run, Err *err)
{
	AUTO(dump_reader_free_auto) DumpReader *reader = NULL;
	AUTO(free_auto) char *folder = NULL;
	const json_t *about;

	if (!need_manifest(set, err))
		return false;
	about = json_object_get(set->manifest, "database");
	if (database_is_sqlite(db) != str_is(json_str(about, "kind"), "sqlite"))
		return err_fail(err, ERR_REFUSED,
			"backup set '%s' holds a %s database, and the site uses another kind",
			set->name, json_str(about, "kind"));
	folder = database_is_sqlite(db) ? path_folder(spare) : NULL;
	if (!set_dump_open(set, folder, &reader, err) ||
		!database_restore(db, spare, run, dump_reader_next, reader, err))
		return err_wrap(err, "restoring the database of '%s'", set->name);
	return true;
}

/* Times and owner as they were; the application must be able to write what it wrote before. */
static bool dress(const Site *site, const json_t *file, const char *path, Err *err)
{
	const int64_t ns = json_int(file, "mtime_ns", 0);
	const int64_t part = ns % 1000000000;
	/* Before 1970 the seconds are negative, their fraction never is. */
	const struct timespec at = {.tv_sec = (time_t)(ns / 1000000000 - (part < 0)),
		.tv_nsec = (long)(part < 0 ? part + 1000000000 : part)};
	const struct timespec times[2] = {at, at};

	if (!json_str(file, "link") && utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0)
		return err_fail_sys(err, "cannot set the time of '%s'", path);
	return geteuid() != 0 || file_chown(path, site->recipe.uid, site->recipe.gid, err);
}

/* New folders belong to the application, one by one: their parents may be somebody else's. */
static bool make_folder(const Site *site, const char *folder, Err *err)
{
	AUTO(free_auto) char *parent = NULL;

	if (file_exists(folder))
		return true;
	parent = path_folder(folder);
	if (!make_folder(site, parent, err) || !dir_make(folder, 0755, err))
		return false;
	return geteuid() != 0 || file_chown(folder, site->recipe.uid, site->recipe.gid, err);
}

/* One folder down, made when it is not there. The application writes here and belay may be root: a
 * link is never followed, or it would say where root writes. */
static bool step_down(const Site *site, int *fd, const char *name, Err *err)
{
	AUTO(close_auto) int above = *fd;
	bool made;

	*fd = -1;
	if (!FAULT(err, "restore-folder"))
		return false;
	made = mkdirat(above, name, 0755) == 0;
	if (!made && errno != EEXIST)
		return err_fail_sys(err, "cannot create the folder '%s'", name);
	*fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_fail(err, ERR_FOREIGN,
			"'%s' is a link or no folder, and nothing is restored below it", name);
	if (*fd < 0)
		return err_fail_sys(err, "cannot open the folder '%s'", name);
	if (made && geteuid() == 0 && fchown(*fd, site->recipe.uid, site->recipe.gid) != 0)
		return err_fail_sys(err, "cannot set the owner of '%s'", name);
	return true;
}

/* The folder of `below`, a path under `root`, whose own name may lead through links. */
static bool open_folder(
	const Site *site, const char *root, const char *below, int *ret_fd, Err *err)
{
	AUTO(close_auto) int fd = -1;
	AUTO(strlist_clear) StrList names = {0};

	if (!make_folder(site, root, err))
		return false;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_fail_sys(err, "cannot open the folder '%s'", root);
	strlist_split(&names, below, "/");
	for (size_t i = 0; i + 1 < names.len; i++)
		if (!step_down(site, &fd, names.items[i], err))
			return false;
	*ret_fd = fd;
	fd = -1;
	return true;
}

static bool put_file(const BackupSet *set, const Site *site, const json_t *file, const char *root,
	const char *below, Err *err)
{
	AUTO(free_auto) char *from = path_join(set->path, json_str(file, "path"));
	AUTO(close_auto) int folder = -1;
	AUTO(free_auto) char *to = NULL;
	const mode_t mode = (mode_t)(json_int(file, "mode", 0644) & 0777);
	const char *link = json_str(file, "link");

	if (!check_file(set, file, err) || !open_folder(site, root, below, &folder, err))
		return false;
	to = str_format("/proc/self/fd/%d/%s", folder, path_name(below));
	return (link ? link_replace(to, link, err) : file_copy(from, to, mode, err)) &&
	       dress(site, file, to, err);
}

/* An upload has a name of its own for ever: what is there already is the newer truth and stays. */
static bool put_upload(const BackupSet *set, const Site *site, const json_t *file, Err *err)
{
	AUTO(free_auto) char *root = path_join(site->webui.data_dir, "uploads");
	const char *below = json_str(file, "path") + strlen(UPLOADS);
	AUTO(free_auto) char *to = path_join(root, below);

	return file_kind(to) != FILE_ABSENT || put_file(set, site, file, root, below, err) ||
	       err_wrap(err, "'%s'", to);
}

static bool put_vectors(const BackupSet *set, const Site *site, const json_t *file,
	const char *vector_spare, Err *err)
{
	const char *below = json_str(file, "path") + strlen(VECTORS);

	return put_file(set, site, file, vector_spare, below, err) ||
	       err_wrap(err, "'%s/%s'", vector_spare, below);
}

/* Empty folders are in no list of files, and a vector store may be empty. */
static bool make_vector_spare(const Site *site, const char *vector_spare, Err *err)
{
	AUTO(free_auto) char *live = site_vector_dir(site);

	if (str_is(live, vector_spare))
		return err_fail(
			err, ERR_INTERNAL, "'%s' is in use and cannot be made anew", vector_spare);
	return tree_remove(vector_spare, err) && make_folder(site, vector_spare, err);
}

bool backup_restore_files(
	const BackupSet *set, const Site *site, const char *vector_spare, Err *err)
{
	const json_t *file;
	size_t i;

	if (!need_manifest(set, err) || !make_vector_spare(site, vector_spare, err))
		return false;
	json_array_foreach(json_object_get(set->manifest, "files"), i, file)
	{
		const char *path = json_str(file, "path");
		bool done = true;

		if (str_starts(path, UPLOADS))
			done = put_upload(set, site, file, err);
		else if (str_starts(path, VECTORS))
			done = put_vectors(set, site, file, vector_spare, err);
		if (!done)
			return err_wrap(err, "restoring the files of '%s'", set->name);
	}
	return true;
}

bool backup_restore_uploads(const BackupSet *set, const Site *site, Err *err)
{
	const json_t *file;
	size_t i;

	if (!need_manifest(set, err))
		return false;
	json_array_foreach(json_object_get(set->manifest, "files"), i, file)
	{
		if (str_starts(json_str(file, "path"), UPLOADS) &&
			!put_upload(set, site, file, err))
			return err_wrap(err, "restoring the uploads of '%s'", set->name);
	}
	return true;
}

bool backup_restore_key(const BackupSet *set, const Site *site, const char *key_file, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(key_file);
	const json_t *file;

	if (!need_manifest(set, err))
		return false;
	file = manifest_file(set->manifest, "secret_key");
	if (!file)
		return err_fail(err, ERR_VERIFY, "backup set '%s' holds no secret key", set->name);
	return put_file(set, site, file, folder, path_name(key_file), err) ||
	       err_wrap(err, "restoring the secret key of '%s'", set->name);
}
