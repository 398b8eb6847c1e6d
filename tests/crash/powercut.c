/* powercut.c - preloaded into everything that a site runs: notes what would survive a power cut.
 *
 * Each fsync() of a file below $POWERCUT_ROOT leaves its content in $POWERCUT_KEPT/KEY.content,
 * each fsync() of a folder its entries in KEY.names, and syncfs() the time until which everything
 * is on the disk, in "synced". KEY is the inode with the time of its birth, since numbers of
 * removed files are used again. powercut.py makes of it what a machine could find after the power
 * came back. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool key_of(int folder, const char *name, char key[64], struct statx *st)
{
	const int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);

	if (statx(folder, name, flags, STATX_BASIC_STATS | STATX_BTIME, st) != 0)
		return false;
	snprintf(key, 64, "%llu-%lld.%09u", (unsigned long long)st->stx_ino,
		(long long)st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
	return true;
}

static bool is_watched(int fd)
{
	const char *root = getenv("POWERCUT_ROOT");
	char link[64], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (!root || !getenv("POWERCUT_KEPT") || len < 0)
		return false;
	path[len] = '\0';
	return strncmp(path, root, strlen(root)) == 0;
}

/* A note is there whole or not at all: the next kill may come at any moment. */
static int note_begin(char *temp, size_t size)
{
	snprintf(temp, size, "%s/new.XXXXXX", getenv("POWERCUT_KEPT"));
	return mkostemp(temp, O_CLOEXEC);
}

static void note_end(int note, const char *temp, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", getenv("POWERCUT_KEPT"), name);
	close(note);
	if (rename(temp, path) != 0)
		unlink(temp);
}

static void keep_content(int fd, const char *key, const struct statx *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		{.tv_sec = st->stx_mtime.tv_sec, .tv_nsec = st->stx_mtime.tv_nsec}};
	char own[64], temp[PATH_MAX], name[128], buffer[65536];
	int from, note = note_begin(temp, sizeof(temp));
	off_t at = 0;
	ssize_t got;

	/* The descriptor may be for writing only. */
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	from = open(own, O_RDONLY | O_CLOEXEC);
	while (note >= 0 && from >= 0 && (got = pread(from, buffer, sizeof(buffer), at)) > 0) {
		if (write(note, buffer, (size_t)got) != got)
			abort();
		at += got;
	}
	if (from >= 0)
		close(from);
	if (note < 0)
		return;
	fchmod(note, st->stx_mode & 07777);
	futimens(note, times);
	snprintf(name, sizeof(name), "%s.content", key);
	note_end(note, temp, name);
}

static void keep_names(int fd, const char *key)
{
	char temp[PATH_MAX], name[128], child[64], target[PATH_MAX];
	int note = note_begin(temp, sizeof(temp));
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *entry;

	while (note >= 0 && dir && (entry = readdir(dir))) {
		struct statx st;
		ssize_t len;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
			!key_of(fd, entry->d_name, child, &st))
			continue;
		len = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = '\0';
		dprintf(note, "%s\t%s\t%o\t%s\n", entry->d_name, child, (unsigned)st.stx_mode,
			target);
	}
	if (dir)
		closedir(dir);
	if (note < 0)
		return;
	snprintf(name, sizeof(name), "%s.names", key);
	note_end(note, temp, name);
}

static void keep(int fd)
{
	struct statx st;
	char key[64];

	if (!is_watched(fd) || !key_of(fd, "", key, &st))
		return;
	if (S_ISDIR(st.stx_mode))
		keep_names(fd, key);
	else if (S_ISREG(st.stx_mode))
		keep_content(fd, key, &st);
}

static int real(const char *name, int fd)
{
	int (*call)(int);

	*(void **)&call = dlsym(RTLD_NEXT, name);
	return call(fd);
}

int fsync(int fd)
{
	const int done = real("fsync", fd);

	if (done == 0)
		keep(fd);
	return done;
}

int fdatasync(int fd)
{
	const int done = real("fdatasync", fd);

	if (done == 0)
		keep(fd);
	return done;
}

/* The time is that of a file made now: the clock of files runs ahead of the coarse clock
 * (Linux 6.13 and later give finer times where somebody looks) and behind the fine one. */
int syncfs(int fd)
{
	const bool watched = is_watched(fd);
	struct statx st;
	char key[64], temp[PATH_MAX];
	int note = watched ? note_begin(temp, sizeof(temp)) : -1;
	const bool timed = note >= 0 && key_of(note, "", key, &st);
	const int done = real("syncfs", fd);

	if (done == 0 && timed) {
		dprintf(note, "%lld%09u\n", (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
		note_end(note, temp, "synced");
	} else if (note >= 0) {
		close(note);
		unlink(temp);
	}
	return done;
}
