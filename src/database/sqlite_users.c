#include "database/sqlite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/process_table.h"

#define NAMED_MAX 5

typedef struct Search {
	struct stat file;
	bool only_writers;
	StrList *found;
} Search;

/* "flags:" of /proc/PID/fdinfo/FD is the octal open mode. Unreadable counts as writing. */
static bool opened_for_writing(pid_t pid, const char *fd)
{
	AUTO(free_auto) char *path = str_format("/proc/%d/fdinfo/%s", (int)pid, fd);
	AUTO(free_auto) char *info = NULL;
	AUTO(err_clear) Err ignored = {0};
	const char *flags;

	if (!file_read(path, 64 * 1024, &info, NULL, &ignored))
		return true;
	flags = strstr(info, "flags:");
	return !flags || (strtol(flags + strlen("flags:"), NULL, 8) & O_ACCMODE) != O_RDONLY;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* Device and inode, not the name: a container sees the same file under another path. */
static bool has_open(const Search *search, pid_t pid)
{
	AUTO(free_auto) char *path = str_format("/proc/%d/fd", (int)pid);
	AUTO(close_folder) DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		struct stat about;

		if (entry->d_name[0] == '.' ||
			fstatat(dirfd(folder), entry->d_name, &about, 0) != 0)
			continue;
		if (about.st_dev != search->file.st_dev || about.st_ino != search->file.st_ino)
			continue;
		if (!search->only_writers || opened_for_writing(pid, entry->d_name))
			return true;
	}
	return false;
}

static bool look_at(void *arg, const Process *process)
{
	Search *search = arg;
	AUTO(free_auto) char *argv = NULL;

	if (process->pid == getpid() || !has_open(search, process->pid))
		return true;
	argv = strlist_join(&process->argv, " ");
	strlist_addf(search->found, "pid %d (%.120s)", (int)process->pid, argv);
	return true;
}

bool sqlite_users(const char *path, bool only_writers, StrList *ret, Err *err)
{
	Search search = {.only_writers = only_writers, .found = ret};

	if (stat(path, &search.file) != 0) {
		if (errno == ENOENT)
			return true;
		return err_fail_sys(err, "'%s'", path);
	}
	process_each(look_at, &search);
	return true;
}

bool sqlite_nobody_writes(const char *path, Err *err)
{
	AUTO(strlist_clear) StrList users = {0};
	AUTO(free_auto) char *list = NULL;

	if (!sqlite_users(path, true, &users, err))
		return false;
	if (!users.len)
		return true;
	while (users.len > NAMED_MAX)
		strlist_remove(&users, users.len - 1);
	list = strlist_join(&users, ", ");
	err_fail(err, ERR_DATABASE, "'%s' is open for writing in %s", path, list);
	return err_hint(err, "end what still uses the database, then run the command again");
}
