#include "os/file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/copy.h"
#include "os/tree_entry.h"

FileKind file_kind(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return FILE_ABSENT;
	if (S_ISREG(st.st_mode))
		return FILE_REGULAR;
	if (S_ISDIR(st.st_mode))
		return FILE_FOLDER;
	return S_ISLNK(st.st_mode) ? FILE_LINK : FILE_OTHER;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool folder_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Reads to the end, for files in /proc have no size. One byte more than allowed is asked for, to
 * see that there is more. */
static bool read_to_end(
	int fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, Err *err)
{
	size_t capacity = 4096;
	size_t len = 0;
	AUTO(free_auto) char *data = mem_new(capacity, 1);

	for (;;) {
		ssize_t got = read(fd, data + len, capacity - 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_fail_sys(err, "cannot read '%s'", path);
		if (got == 0)
			break;
		len += (size_t)got;
		if (len > max_bytes)
			return err_fail(
				err, ERR_IO, "'%s' is larger than %s", path, str_bytes(max_bytes));
		if (len + 1 == capacity) {
			capacity *= 2;
			data = mem_resize(data, capacity, 1);
		}
	}
	data[len] = '\0';
	*ret_data = TAKE(data);
	if (ret_len)
		*ret_len = len;
	return true;
}

bool file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, Err *err)
{
	/* Opening a named pipe would wait for a writer: O_NONBLOCK, and then refused. */
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_fail_sys(err, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return err_fail(err, ERR_IO, "cannot read '%s': not a regular file", path);
	return read_to_end(fd, path, max_bytes, ret_data, ret_len, err);
}

/* A file that is being written beside the one it will replace. The temporary name is always the
 * same: what a crash leaves behind goes away with the next try. */
typedef struct NewFile {
	const char *path;
	char *temp;
	int fd;
} NewFile;

static void new_file_drop(NewFile *file)
{
	int saved = errno;

	if (file->fd >= 0)
		close(file->fd);
	if (file->temp)
		unlink(file->temp);
	free(file->temp);
	errno = saved;
}

static char *temp_name(const char *path)
{
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(free_auto) char *name = str_format(".%s.belay-new", path_name(path));

	return path_join(folder, name);
}

/* As root, a file that belongs to somebody keeps belonging to them. */
static bool keep_owner(const NewFile *file, Err *err)
{
	struct stat old;

	if (geteuid() != 0 || lstat(file->path, &old) < 0 || !S_ISREG(old.st_mode))
		return true;
	if (fchown(file->fd, old.st_uid, old.st_gid) < 0)
		return err_fail_sys(err, "cannot set the owner of '%s'", file->temp);
	return true;
}

static bool new_file_open(NewFile *file, mode_t mode, Err *err)
{
	if (!FAULT(err, "file-create"))
		return false;
	file->temp = temp_name(file->path);
	unlink(file->temp);
	file->fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd < 0) {
		err_fail_sys(err, "cannot create '%s'", file->temp);
		free(TAKE(file->temp));
		return false;
	}
	if (!keep_owner(file, err))
		return false;
	if (fchmod(file->fd, mode) < 0)
		return err_fail_sys(err, "cannot set the mode of '%s'", file->temp);
	return true;
}

static bool sync_folder_of(const char *path, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(path);

	return dir_sync(folder, err);
}

static bool new_file_commit(NewFile *file, Err *err)
{
	if (fsync(file->fd) < 0)
		return err_fail_sys(err, "cannot write '%s'", file->temp);
	if (!FAULT(err, "file-rename"))
		return false;
	if (rename(file->temp, file->path) < 0)
		return err_fail_sys(err, "cannot replace '%s'", file->path);
	free(TAKE(file->temp));
	return sync_folder_of(file->path, err);
}

bool file_write(const char *path, const void *data, size_t len, mode_t mode, Err *err)
{
	AUTO(new_file_drop) NewFile file = {.path = path, .fd = -1};

	if (!new_file_open(&file, mode, err))
		return false;
	if (!write_all(file.fd, data, len))
		return err_fail_sys(err, "cannot write '%s'", file.temp);
	return new_file_commit(&file, err);
}

bool file_write_text(const char *path, const char *text, mode_t mode, Err *err)
{
	return file_write(path, text, strlen(text), mode, err);
}

bool file_copy(const char *from, const char *to, mode_t mode, Err *err)
{
	AUTO(close_auto) int source = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO(new_file_drop) NewFile file = {.path = to, .fd = -1};
	struct stat st;

	if (source < 0 || fstat(source, &st) < 0)
		return err_fail_sys(err, "cannot read '%s'", from);
	if (!S_ISREG(st.st_mode))
		return err_fail(err, ERR_IO, "cannot copy '%s': not a regular file", from);
	if (!new_file_open(&file, mode, err) || !copy_content(source, file.fd, from, err))
		return false;
	return new_file_commit(&file, err);
}

bool file_remove(const char *path, Err *err)
{
	if (!FAULT(err, "file-remove"))
		return false;
	if (unlink(path) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		return err_fail_sys(err, "cannot remove '%s'", path);
	}
	return sync_folder_of(path, err);
}

static int rename_new(const char *from, const char *to)
{
	struct stat st;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without that flag (NFS). The run lock keeps other runs of ours away. */
	if (lstat(to, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(from, to);
}

bool file_rename(const char *from, const char *to, Err *err)
{
	if (!FAULT(err, "file-rename"))
		return false;
	if (rename_new(from, to) < 0)
		return err_fail_sys(err, "cannot rename '%s' to '%s'", from, to);
	return sync_folder_of(to, err) && sync_folder_of(from, err);
}

bool file_chown(const char *path, uid_t uid, gid_t gid, Err *err)
{
	if (!FAULT(err, "file-chown"))
		return false;
	if (lchown(path, uid, gid) < 0)
		return err_fail_sys(err, "cannot set the owner of '%s'", path);
	return true;
}

static bool make_one(const char *path, mode_t mode, Err *err)
{
	if (!FAULT(err, "dir-make"))
		return false;
	if (mkdir(path, 0700) < 0) {
		if (errno == EEXIST)
			return true;
		return err_fail_sys(err, "cannot create the folder '%s'", path);
	}
	if (chmod(path, mode) < 0)
		return err_fail_sys(err, "cannot set the mode of '%s'", path);
	return sync_folder_of(path, err);
}

bool dir_make(const char *path, mode_t mode, Err *err)
{
	AUTO(free_auto) char *parent = path_folder(path);
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return true;
		return err_fail(err, ERR_IO, "'%s' is in the way: not a folder", path);
	}
	if (errno != ENOENT)
		return err_fail_sys(err, "cannot create the folder '%s'", path);
	return dir_make(parent, mode, err) && make_one(path, mode, err);
}

bool dir_sync(const char *path, Err *err)
{
	AUTO(close_auto) int fd = -1;

	if (!FAULT(err, "dir-sync"))
		return false;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: a file system that has nothing to sync for a folder. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return err_fail_sys(err, "cannot sync the folder '%s'", path);
	return true;
}

bool dir_list(const char *path, StrList *ret_names, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_fail_sys(err, "cannot read the folder '%s'", path);
	return entry_names(fd, path, ret_names, err);
}

bool link_read(const char *path, char **ret_target, Err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	if (len < 0)
		return err_fail_sys(err, "cannot read the link '%s'", path);
	if ((size_t)len == sizeof(target))
		return err_fail(err, ERR_IO, "the link '%s' is too long", path);
	*ret_target = str_dup_n(target, (size_t)len);
	return true;
}

bool link_replace(const char *path, const char *target, Err *err)
{
	AUTO(free_auto) char *temp = temp_name(path);

	if (!FAULT(err, "link-create"))
		return false;
	unlink(temp);
	if (symlink(target, temp) < 0)
		return err_fail_sys(err, "cannot create the link '%s'", temp);
	if (!FAULT(err, "link-rename")) {
		unlink(temp);
		return false;
	}
	if (rename(temp, path) < 0) {
		err_fail_sys(err, "cannot replace the link '%s'", path);
		unlink(temp);
		return false;
	}
	return sync_folder_of(path, err);
}

bool file_remove_unfinished(const char *path, Err *err)
{
	AUTO(free_auto) char *temp = temp_name(path);

	return file_kind(temp) == FILE_ABSENT || file_remove(temp, err);
}

bool path_exchange(const char *a, const char *b, Err *err)
{
	if (!FAULT(err, "path-exchange"))
		return false;
	if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
		return err_fail_sys(err, "cannot exchange '%s' and '%s'", a, b);
	return sync_folder_of(a, err) && sync_folder_of(b, err);
}

bool path_id(const char *path, char **ret, Err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0) {
		*ret = str_format(
			"%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
		return true;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		return err_fail_sys(err, "cannot look at '%s'", path);
	*ret = NULL;
	return true;
}

typedef struct Scratch {
	char *folder, *a, *b;
} Scratch;

static void scratch_remove(Scratch *scratch)
{
	if (scratch->a)
		unlink(scratch->a);
	if (scratch->b)
		unlink(scratch->b);
	if (scratch->folder)
		rmdir(scratch->folder);
	free(scratch->a);
	free(scratch->b);
	free(scratch->folder);
}

static bool touch(const char *path, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 || err_fail_sys(err, "cannot create '%s'", path);
}

/* Some file systems (overlay over old kernels, NFS, 9p) say so, and one could answer yes without
 * doing it: that the two names really changed places is looked at. */
static bool try_exchange(const Scratch *scratch, Err *err)
{
	AUTO(free_auto) char *before = NULL;
	AUTO(free_auto) char *after = NULL;

	if (!path_id(scratch->a, &before, err))
		return false;
	if (renameat2(AT_FDCWD, scratch->a, AT_FDCWD, scratch->b, RENAME_EXCHANGE) < 0)
		return err_set(err, ERR_REFUSED, errno, __FILE__, __LINE__,
			"the file system of '%s' cannot exchange two names", scratch->folder);
	if (!path_id(scratch->b, &after, err))
		return false;
	if (!str_is(before, after))
		return err_fail(err, ERR_REFUSED,
			"the file system of '%s' does not really exchange two names",
			scratch->folder);
	return true;
}

bool path_exchange_works(const char *folder, Err *err)
{
	AUTO(scratch_remove) Scratch scratch = {0};
	AUTO(free_auto) char *template = path_join(folder, ".belay-try-XXXXXX");

	if (!FAULT(err, "path-exchange-try"))
		return false;
	if (!mkdtemp(template))
		return err_fail_sys(err, "cannot create a folder in '%s'", folder);
	scratch.folder = TAKE(template);
	scratch.a = path_join(scratch.folder, "a");
	scratch.b = path_join(scratch.folder, "b");
	return touch(scratch.a, err) && touch(scratch.b, err) && try_exchange(&scratch, err);
}

char *path_join(const char *folder, const char *name)
{
	return str_format("%s%s%s", folder, str_ends(folder, "/") || !*folder ? "" : "/",
		name + strspn(name, "/"));
}

char *path_folder(const char *path)
{
	const char *end = path_name(path);

	if (end == path)
		return str_dup(*path == '/' ? "/" : ".");
	while (end > path + 1 && end[-1] == '/')
		end--;
	return str_dup_n(path, (size_t)(end - path));
}

const char *path_name(const char *path)
{
	const char *name = path;

	for (const char *c = path; *c; c++) {
		if (*c == '/' && c[1] && c[1] != '/')
			name = c + 1;
	}
	return name;
}

char *path_real(const char *path)
{
	return realpath(path, NULL);
}

bool path_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || (path[len] == '\0' && len));
}
