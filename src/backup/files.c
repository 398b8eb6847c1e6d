#include "backup/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/copy.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"

#define CHUNK_BYTES      (1024 * 1024)
#define PROGRESS_EACH_MS 500

typedef struct Walk {
	FilesCopy *copy;
	const char *name; /* "uploads" */
	json_t *before;   /* path → entry of the previous set */
	int64_t done, total;
	int64_t said_ms;
} Walk;

static json_t *index_by_path(const json_t *files)
{
	json_t *index = json_object();
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file) if (json_str(file, "path"))
		json_object_set(index, json_str(file, "path"), file);
	return index;
}

static bool is_sqlite_file(const char *path)
{
	return str_ends(path, ".sqlite3") || str_ends(path, ".sqlite") || str_ends(path, ".db");
}

/* Their content comes with the main file's backup; copied beside it they would damage it. */
static bool is_sqlite_side_file(const char *path)
{
	return str_ends(path, "-wal") || str_ends(path, "-shm") || str_ends(path, "-journal");
}

static bool copy_stream(int from, int to, const char *path, Pace *pace, FileSum *ret, Err *err)
{
	AUTO(free_auto) char *chunk = mem_new(1, CHUNK_BYTES);
	AUTO(sha256_free_auto) Sha256 *sha = sha256_new();
	ssize_t got;

	ret->bytes = 0;
	while ((got = read(from, chunk, CHUNK_BYTES)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_fail_sys(err, "cannot read '%s'", path);
		if (!write_all(to, chunk, (size_t)got))
			return err_fail_sys(err, "cannot write a copy of '%s'", path);
		sha256_add(sha, chunk, (size_t)got);
		ret->bytes += got;
		if (!pace_pass(pace, got, err))
			return false;
	}
	sha256_finish(sha, ret->sha256);
	return true;
}

/* *ret_found false: the file went away since the folder was read. The time is taken before the
 * first byte is read, so that a file that changes meanwhile is copied again by the next backup. */
static bool copy_file(const char *from, const char *to, Pace *pace, FileSum *ret, struct stat *seen,
	bool *ret_found, Err *err)
{
	AUTO(close_auto) int source = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO(close_auto) int copy = -1;

	*ret_found = source >= 0 && fstat(source, seen) == 0 && S_ISREG(seen->st_mode);
	if (!*ret_found)
		return source >= 0 || errno == ENOENT || errno == ELOOP ||
		       err_fail_sys(err, "cannot read '%s'", from);
	if (!FAULT(err, "backup-copy"))
		return false;
	copy = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (copy < 0)
		return err_fail_sys(err, "cannot make '%s'", to);
	return copy_stream(source, copy, from, pace, ret, err);
}

static int64_t mtime_ns(const struct stat *file)
{
	return (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec;
}

/* *ret_linked false when the file must be copied; a file system without hard links is no error. */
static bool link_unchanged(Walk *walk, const char *path, const TreeEntry *entry, const char *to,
	bool *ret_linked, Err *err)
{
	const json_t *before = json_object_get(walk->before, path);
	AUTO(free_auto) char *from = NULL;
	FileSum wanted, now;
	bool found;

	*ret_linked = false;
	if (!before || json_int(before, "bytes", -1) != entry->bytes ||
		json_int(before, "mtime_ns", -1) != entry->mtime_ns)
		return true;
	from = path_join(walk->copy->previous, path);
	wanted = manifest_sum(before);
	if (!file_sum(from, &now, &found, err) ||
		!pace_pass(walk->copy->pace, found ? now.bytes : 0, err))
		return false;
	if (!found || now.bytes != wanted.bytes || !str_is(now.sha256, wanted.sha256))
		return true;
	if (!FAULT(err, "backup-link"))
		return false;
	*ret_linked = link(from, to) == 0;
	if (*ret_linked)
		json_array_append_new(walk->copy->files,
			manifest_file_new(path, &now, entry->mtime_ns, entry->mode & 07777));
	return true;
}

static bool take_file(Walk *walk, const char *path, const TreeEntry *entry, const char *from,
	const char *to, Err *err)
{
	struct stat seen;
	FileSum sum;
	bool done;

	if (!link_unchanged(walk, path, entry, to, &done, err))
		return false;
	walk->copy->linked += done;
	if (done)
		return true;
	if (!copy_file(from, to, walk->copy->pace, &sum, &seen, &done, err))
		return false;
	walk->copy->copied += done;
	if (done)
		json_array_append_new(walk->copy->files,
			manifest_file_new(path, &sum, mtime_ns(&seen), seen.st_mode & 07777));
	return true;
}

static bool take_sqlite(Walk *walk, const char *path, const TreeEntry *entry, const char *from,
	const char *to, Err *err)
{
	FileSum sum;
	bool found;

	if (!sql_backup(from, to, NULL, NULL, err) || !file_sum(to, &sum, &found, err))
		return false;
	if (!found)
		return err_fail(err, ERR_VERIFY, "the copy '%s' is not there", to);
	walk->copy->copied++;
	json_array_append_new(walk->copy->files,
		manifest_file_new(path, &sum, entry->mtime_ns, entry->mode & 07777));
	return true;
}

static bool take_link(Walk *walk, const char *path, const char *from, const char *to, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	json_t *file;

	if (!link_read(from, &target, err) || !link_replace(to, target, err))
		return false;
	file = json_object();
	json_put(file, "path", path);
	json_put(file, "link", target);
	json_array_append_new(walk->copy->files, file);
	return true;
}

static void say_progress(Walk *walk, const TreeEntry *entry)
{
	int64_t now = clock_mono_ms();

	walk->done += entry->bytes;
	if (now - walk->said_ms < PROGRESS_EACH_MS)
		return;
	walk->said_ms = now;
	event_progress(walk->copy->step, walk->done, walk->total, "copying '%s'", walk->name);
}

static bool is_sqlite_database(const char *path)
{
	static const char magic[16] = "SQLite format 3";
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char start[sizeof(magic)];

	return fd >= 0 && read(fd, start, sizeof(start)) == (ssize_t)sizeof(start) &&
	       memcmp(start, magic, sizeof(magic)) == 0;
}

/* Only the vector store holds SQLite files that the application writes: an uploaded one is a file
 * like any other. */
static bool take_entry(void *arg, const TreeEntry *entry, Err *err)
{
	Walk *walk = arg;
	const bool vectors = str_is(walk->name, "vector_db");
	AUTO(free_auto)
	char *from = str_format("%s/%s/%s", walk->copy->data_dir, walk->name, entry->path);
	AUTO(free_auto) char *path = str_format("files/%s/%s", walk->name, entry->path);
	AUTO(free_auto) char *to = path_join(walk->copy->set, path);

	if (S_ISDIR(entry->mode))
		return dir_make(to, 0700, err);
	if (S_ISLNK(entry->mode))
		return take_link(walk, path, from, to, err);
	if (!S_ISREG(entry->mode) || (vectors && is_sqlite_side_file(entry->path)))
		return true;
	say_progress(walk, entry);
	if (vectors && is_sqlite_file(entry->path) && is_sqlite_database(from))
		return take_sqlite(walk, path, entry, from, to, err);
	return take_file(walk, path, entry, from, to, err);
}

bool files_copy(FilesCopy *copy, const char *name, Err *err)
{
	AUTO(json_release_auto) json_t *before = index_by_path(copy->previous_files);
	AUTO(free_auto) char *source = path_join(copy->data_dir, name);
	AUTO(free_auto) char *target = str_format("%s/files/%s", copy->set, name);
	AUTO(free_auto) char *real = path_real(source);
	Walk walk = {.copy = copy, .name = name, .before = before};
	TreeSize size;

	if (!real)
		return true;
	if (!tree_size(real, &size, err) || !dir_make(target, 0700, err))
		return err_wrap(err, "copying '%s'", source);
	walk.total = size.bytes;
	event_progress(copy->step, 0, walk.total, "copying '%s'", name);
	if (!tree_walk(real, take_entry, &walk, err))
		return err_wrap(err, "copying '%s'", source);
	return true;
}
