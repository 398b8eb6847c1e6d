#include "os/tree_entry.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

bool entry_names(int fd, const char *path, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *entry;
	int failure;

	if (!dir) {
		close_auto(&own);
		return err_fail_sys(err, "cannot read the folder '%s'", path);
	}
	while ((errno = 0, entry = readdir(dir))) {
		if (!str_is(entry->d_name, ".") && !str_is(entry->d_name, ".."))
			strlist_add(&names, entry->d_name);
	}
	failure = errno;
	closedir(dir);
	errno = failure;
	if (failure)
		return err_fail_sys(err, "cannot read the folder '%s'", path);
	strlist_sort(&names);
	*ret = names;
	names = (StrList){0};
	return true;
}

char *entry_path(const char *path, const char *name)
{
	return *path ? str_format("%s/%s", path, name) : str_dup(name);
}

bool entry_look(Node *node, bool *ret_there, Err *err)
{
	*ret_there = fstatat(node->folder_fd, node->name, &node->st, AT_SYMLINK_NOFOLLOW) == 0;
	if (*ret_there || errno == ENOENT || errno == ENOTDIR)
		return true;
	return err_fail_sys(err, "cannot look at '%s'", node->path);
}

bool entry_open_folder(const Node *node, int *ret_fd, Err *err)
{
	int fd = openat(
		node->folder_fd, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_fail_sys(err, "cannot read the folder '%s'", node->path);
	*ret_fd = fd;
	return true;
}

bool tree_fault(unsigned long *count, const char *name, Err *err)
{
	unsigned long number = ++*count;

	if ((number & (number - 1)) != 0)
		return true;
	(void)name;
	(void)err;
	return FAULT(err, name);
}
