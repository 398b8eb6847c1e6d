#include "os/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/copy.h"
#include "os/file.h"
#include "os/tree_entry.h"

/* So many changes are synced one by one. To sync the whole file system waits for what others write
 * to it as well, and a database server may have just migrated a gigabyte; but to sync tens of
 * thousands of small files one by one takes minutes. */
#define FEW 200

typedef struct Pass {
	unsigned long count; /* of fault points */
	unsigned changes;
	bool sync_all; /* at the end, by one call */
} Pass;

/* Time stamps of files move in ticks of at most 10 ms (CONFIG_HZ=100). */
#define TICK_NS 10000000

static bool mirror_folder(int from, int to, const char *path, Pass *pass, Err *err);

static int64_t to_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return to_ns(a->st_mtim) == to_ns(b->st_mtim);
}

/* The second pass keeps what has the size and time of the first. So whatever is written after the
 * first looked at a file must change its time: pages that a program has mapped and dirtied are
 * cleaned (the next write to them then counts as a write), and the tick of the last write must be
 * over. A file that never comes to rest gets a time that the second pass will not find equal. */
static bool settle(int fd, Node *node, Err *err)
{
	for (int tries = 0; tries < 3; tries++) {
		struct timespec now;
		int64_t age;

		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
		if (fstat(fd, &node->st) < 0)
			return err_fail_sys(err, "cannot look at '%s'", node->path);
		clock_gettime(CLOCK_REALTIME, &now);
		age = to_ns(now) - to_ns(node->st.st_mtim);
		if (age < 0 || age > 2 * TICK_NS)
			return true;
		poll(NULL, 0, 2 * TICK_NS / 1000000 + 1);
	}
	node->st.st_mtim = (struct timespec){0};
	return true;
}

/* Others' files that an ordinary user copies become that user's own. */
static bool take_over(const Node *source, int folder, Err *err)
{
	const struct stat *st = &source->st;
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(folder, source->name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		(errno != EPERM || geteuid() == 0))
		return err_fail_sys(err, "cannot set the owner of the copy of '%s'", source->path);
	if (!S_ISLNK(st->st_mode) && fchmodat(folder, source->name, st->st_mode & 07777, 0) < 0)
		return err_fail_sys(err, "cannot set the mode of the copy of '%s'", source->path);
	if (utimensat(folder, source->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_fail_sys(err, "cannot set the time of the copy of '%s'", source->path);
	return true;
}

static bool copy_file(Node *source, int to, bool *ret_gone, Err *err)
{
	AUTO(close_auto)
	int in = openat(source->folder_fd, source->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO(close_auto) int out = -1;

	if (in < 0) {
		*ret_gone = errno == ENOENT || errno == ELOOP;
		return *ret_gone || err_fail_sys(err, "cannot read '%s'", source->path);
	}
	if (!settle(in, source, err))
		return false;
	if (!S_ISREG(source->st.st_mode)) {
		*ret_gone = true;
		return true;
	}
	out = openat(to, source->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_fail_sys(err, "cannot create the copy of '%s'", source->path);
	return copy_content(in, out, source->path, err);
}

static bool copy_link(const Node *source, int to, bool *ret_gone, Err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(source->folder_fd, source->name, target, sizeof(target) - 1);

	if (len < 0) {
		*ret_gone = errno == ENOENT || errno == EINVAL;
		return *ret_gone || err_fail_sys(err, "cannot read the link '%s'", source->path);
	}
	target[len] = '\0';
	if (symlinkat(target, to, source->name) < 0)
		return err_fail_sys(err, "cannot create the copy of '%s'", source->path);
	return true;
}

/* Links are made anew: there are few, and a link's time says little about its target. */
static bool is_current(const Node *source, const Node *copy)
{
	return S_ISREG(source->st.st_mode) && S_ISREG(copy->st.st_mode) &&
	       source->st.st_size == copy->st.st_size && same_time(&source->st, &copy->st);
}

static bool has_same_rights(const Node *source, const Node *copy)
{
	return source->st.st_mode == copy->st.st_mode && source->st.st_uid == copy->st.st_uid &&
	       source->st.st_gid == copy->st.st_gid;
}

static bool remove_copy(const Node *copy, Pass *pass, Err *err)
{
	pass->changes++;
	return entry_remove(copy, &pass->count, err);
}

/* `name` of folder `to` was made or changed. A link has no content, and is synced with its folder.
 */
static bool note_change(Pass *pass, int to, const Node *source, Err *err)
{
	AUTO(close_auto) int fd = -1;

	pass->changes++;
	if (pass->sync_all || S_ISLNK(source->st.st_mode))
		return true;
	if (pass->changes <= FEW)
		fd = openat(to, source->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		pass->sync_all = true;
		return true;
	}
	return fsync(fd) == 0 || err_fail_sys(err, "cannot sync the copy of '%s'", source->path);
}

static bool mirror_leaf(
	Node *source, const Node *copy, bool copy_there, int to, Pass *pass, Err *err)
{
	bool gone = false;

	if (copy_there && is_current(source, copy))
		return has_same_rights(source, copy) ||
		       (take_over(source, to, err) && note_change(pass, to, source, err));
	if (copy_there && !remove_copy(copy, pass, err))
		return false;
	if (!tree_fault(&pass->count, "tree-mirror", err))
		return false;
	if (S_ISLNK(source->st.st_mode) ? !copy_link(source, to, &gone, err)
					: !copy_file(source, to, &gone, err))
		return false;
	return gone || (take_over(source, to, err) && note_change(pass, to, source, err));
}

static bool mirror_subfolder(
	const Node *source, const Node *copy, bool copy_there, int to, Pass *pass, Err *err)
{
	AUTO(close_auto) int in = -1;
	AUTO(close_auto) int out = -1;
	const unsigned before = pass->changes;

	if (!entry_open_folder(source, &in, err))
		return false;
	if (in < 0)
		return true;
	if (copy_there && !S_ISDIR(copy->st.st_mode)) {
		if (!remove_copy(copy, pass, err))
			return false;
		copy_there = false;
	}
	if (!copy_there) {
		if (!tree_fault(&pass->count, "tree-mirror", err))
			return false;
		if (mkdirat(to, source->name, 0700) < 0)
			return err_fail_sys(err, "cannot create the copy of '%s'", source->path);
	}
	if (!copy_there || !has_same_rights(source, copy))
		pass->changes++;
	/* As an ordinary user: what an earlier pass made read-only must be filled once more. */
	if (copy_there && (copy->st.st_mode & 0700) != 0700 &&
		fchmodat(to, source->name, 0700, 0) < 0)
		return err_fail_sys(err, "cannot change the copy of '%s'", source->path);
	out = openat(to, source->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_fail_sys(err, "cannot read the copy of '%s'", source->path);
	/* Times last: filling the folder changes them. */
	return mirror_folder(in, out, source->path, pass, err) && take_over(source, to, err) &&
	       (pass->changes == before || note_change(pass, to, source, err));
}

/* Sockets, pipes and devices have no content that a copy could have. */
static bool has_content(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

static bool mirror_entry(Node *source, int to, Pass *pass, Err *err)
{
	Node copy = {.folder_fd = to, .name = source->name, .path = source->path};
	bool source_there, copy_there;

	if (!entry_look(source, &source_there, err) || !entry_look(&copy, &copy_there, err))
		return false;
	if (!source_there || !has_content(source->st.st_mode))
		return !copy_there || remove_copy(&copy, pass, err);
	if (S_ISDIR(source->st.st_mode))
		return mirror_subfolder(source, &copy, copy_there, to, pass, err);
	return mirror_leaf(source, &copy, copy_there, to, pass, err);
}

static bool remove_surplus(int to, const char *path, const StrList *wanted, Pass *pass, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!entry_names(to, path, &names, err))
		return false;
	for (size_t i = 0, next = 0; i < names.len; i++) {
		AUTO(free_auto) char *below = entry_path(path, names.items[i]);
		Node node = {.folder_fd = to, .name = names.items[i], .path = below};
		bool there;

		/* Both lists are sorted. */
		while (next < wanted->len && strcmp(wanted->items[next], names.items[i]) < 0)
			next++;
		if (next < wanted->len && str_is(wanted->items[next], names.items[i]))
			continue;
		if (!entry_look(&node, &there, err))
			return false;
		if (there && !remove_copy(&node, pass, err))
			return false;
	}
	return true;
}

static bool mirror_folder(int from, int to, const char *path, Pass *pass, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!entry_names(from, path, &names, err) || !remove_surplus(to, path, &names, pass, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *below = entry_path(path, names.items[i]);
		Node source = {.folder_fd = from, .name = names.items[i], .path = below};

		if (!copy_may_go_on(err) || !mirror_entry(&source, to, pass, err))
			return false;
	}
	return true;
}

/* Owner, mode and times of the root itself, by descriptor: `from` may be a link to it. */
static bool take_over_root(int from, int to, const char *path, Err *err)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_fail_sys(err, "cannot look at '%s'", path);
	if ((fchown(to, st.st_uid, st.st_gid) < 0 && (errno != EPERM || geteuid() == 0)) ||
		fchmod(to, st.st_mode & 07777) < 0 ||
		futimens(to, (const struct timespec[2]){st.st_atim, st.st_mtim}) < 0)
		return err_fail_sys(
			err, "cannot set owner, mode and time of the copy of '%s'", path);
	return true;
}

static bool mirror(const char *from, const char *to, bool sync_all, Err *err)
{
	AUTO(close_auto) int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(close_auto) int out = -1;
	Pass pass = {.sync_all = sync_all};

	if (in < 0)
		return err_fail_sys(err, "cannot read the folder '%s'", from);
	if (!dir_make(to, 0700, err))
		return false;
	out = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_fail_sys(err, "cannot read the folder '%s'", to);
	if (!mirror_folder(in, out, "", &pass, err) || !take_over_root(in, out, from, err))
		return err_wrap(err, "copying '%s' to '%s'", from, to);
	if ((pass.sync_all ? syncfs(out) : fsync(out)) < 0)
		return err_fail_sys(err, "cannot sync '%s'", to);
	return true;
}

bool tree_mirror(const char *from, const char *to, Err *err)
{
	return mirror(from, to, true, err);
}

bool tree_mirror_changes(const char *from, const char *to, Err *err)
{
	return mirror(from, to, false, err);
}
