#include "os/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree_entry.h"

/* Called for each entry before what is below it. */
typedef bool (*VisitFunc)(void *arg, const Node *node, Err *err);

static bool walk_folder(int fd, const char *path, VisitFunc visit, void *arg, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!entry_names(fd, path, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *below = entry_path(path, names.items[i]);
		Node node = {.folder_fd = fd, .name = names.items[i], .path = below};
		AUTO(close_auto) int inner = -1;
		bool there;

		if (!entry_look(&node, &there, err))
			return false;
		if (!there)
			continue;
		if (!visit(arg, &node, err))
			return false;
		if (!S_ISDIR(node.st.st_mode))
			continue;
		if (!entry_open_folder(&node, &inner, err))
			return false;
		if (inner >= 0 && !walk_folder(inner, below, visit, arg, err))
			return false;
	}
	return true;
}

static bool add_size(void *arg, const Node *node, Err *err UNUSED)
{
	TreeSize *size = arg;

	if (S_ISDIR(node->st.st_mode))
		return true;
	size->files++;
	if (S_ISREG(node->st.st_mode))
		size->bytes += node->st.st_size;
	return true;
}

bool tree_size(const char *path, TreeSize *ret, Err *err)
{
	AUTO(close_auto) int fd = -1;
	TreeSize size = {0};
	Node root = {.path = path};

	if (stat(path, &root.st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return err_fail_sys(err, "cannot look at '%s'", path);
		*ret = size;
		return true;
	}
	if (S_ISDIR(root.st.st_mode)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_fail_sys(err, "cannot read the folder '%s'", path);
		if (!walk_folder(fd, "", add_size, &size, err))
			return err_wrap(err, "'%s'", path);
	} else if (!add_size(&size, &root, err)) {
		return false;
	}
	*ret = size;
	return true;
}

typedef struct Showing {
	bool (*each)(void *arg, const TreeEntry *entry, Err *err);
	void *arg;
} Showing;

static bool show(void *arg, const Node *node, Err *err)
{
	const Showing *showing = arg;
	const TreeEntry entry = {
		.path = node->path,
		.mode = node->st.st_mode,
		.bytes = S_ISREG(node->st.st_mode) ? node->st.st_size : 0,
		.mtime_ns = (int64_t)node->st.st_mtim.tv_sec * 1000000000 +
			    node->st.st_mtim.tv_nsec,
	};

	return showing->each(showing->arg, &entry, err);
}

bool tree_walk(const char *root, bool (*each)(void *arg, const TreeEntry *entry, Err *err),
	void *arg, Err *err)
{
	AUTO(close_auto) int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	Showing showing = {.each = each, .arg = arg};

	if (fd < 0)
		return err_fail_sys(err, "cannot read the folder '%s'", root);
	return walk_folder(fd, "", show, &showing, err);
}

typedef struct Removing {
	dev_t device;
	unsigned long count;
} Removing;

static bool remove_entry(Removing *removing, const Node *node, Err *err);

static bool remove_content(Removing *removing, int fd, const char *path, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!entry_names(fd, path, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *below = entry_path(path, names.items[i]);
		Node node = {.folder_fd = fd, .name = names.items[i], .path = below};
		bool there;

		if (!entry_look(&node, &there, err))
			return false;
		if (there && !remove_entry(removing, &node, err))
			return false;
	}
	return true;
}

/* A mount inside what goes away is somebody's volume, not ours to empty. */
static bool remove_folder_content(Removing *removing, const Node *node, Err *err)
{
	AUTO(close_auto) int fd = -1;

	if (node->st.st_dev != removing->device)
		return err_fail(err, ERR_REFUSED, "'%s' is on another file system: not removed",
			node->path);
	/* Folders that were made read-only (by some package builds) can be emptied by their owner.
	 */
	if ((node->st.st_mode & 0700) != 0700 &&
		fchmodat(node->folder_fd, node->name, 0700, 0) < 0 && errno != EPERM)
		return err_fail_sys(err, "cannot remove '%s'", node->path);
	if (!entry_open_folder(node, &fd, err))
		return false;
	return fd < 0 || remove_content(removing, fd, node->path, err);
}

static bool remove_entry(Removing *removing, const Node *node, Err *err)
{
	bool folder = S_ISDIR(node->st.st_mode);

	if (folder && !remove_folder_content(removing, node, err))
		return false;
	if (!tree_fault(&removing->count, "tree-remove", err))
		return false;
	if (unlinkat(node->folder_fd, node->name, folder ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
		return err_fail_sys(err, "cannot remove '%s'", node->path);
	return true;
}

bool entry_remove(const Node *node, unsigned long *count, Err *err)
{
	Removing removing = {.device = node->st.st_dev, .count = *count};
	bool done = remove_entry(&removing, node, err);

	*count = removing.count;
	return done;
}

bool tree_remove(const char *path, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(path);
	Node node = {.folder_fd = AT_FDCWD, .name = path, .path = path};
	unsigned long count = 0;
	bool there;

	if (!entry_look(&node, &there, err))
		return false;
	if (!there)
		return true;
	return entry_remove(&node, &count, err) && dir_sync(folder, err);
}

bool tree_remove_ending(const char *folder, const char *end, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!file_exists(folder))
		return true;
	if (!dir_list(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (str_ends(names.items[i], end) && !tree_remove(path, err))
			return false;
	}
	return true;
}

typedef struct Owner {
	uid_t uid;
	gid_t gid;
	unsigned long count;
} Owner;

static bool chown_one(void *arg, const Node *node, Err *err)
{
	Owner *owner = arg;

	if (node->st.st_uid == owner->uid && node->st.st_gid == owner->gid)
		return true;
	if (!tree_fault(&owner->count, "tree-chown", err))
		return false;
	if (fchownat(node->folder_fd, node->name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) <
			0 &&
		errno != ENOENT)
		return err_fail_sys(err, "cannot set the owner of '%s'", node->path);
	return true;
}

bool tree_chown(const char *path, uid_t uid, gid_t gid, Err *err)
{
	Node root = {.folder_fd = AT_FDCWD, .name = path, .path = path};
	AUTO(close_auto) int fd = -1;
	Owner owner = {.uid = uid, .gid = gid};

	if (fstatat(AT_FDCWD, path, &root.st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_fail_sys(err, "cannot set the owner of '%s'", path);
	if (!chown_one(&owner, &root, err))
		return false;
	if (!S_ISDIR(root.st.st_mode))
		return true;
	if (!entry_open_folder(&root, &fd, err))
		return false;
	return fd < 0 || walk_folder(fd, "", chown_one, &owner, err);
}
