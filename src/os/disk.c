#include "os/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

/* statfs(2) numbers; linux/magic.h has only some of them. */
static const unsigned long NETWORK_TYPES[] = {
	0x6969,     /* nfs */
	0x517B,     /* smb */
	0xFF534D42, /* cifs */
	0xFE534D42, /* smb2 */
	0x65735546, /* fuse: sshfs, s3fs, glusterfs */
	0x00C36400, /* ceph */
	0x01021997, /* 9p */
	0x5346414F, /* afs */
	0x0BD00BD0, /* lustre */
	0x47504653, /* gpfs */
	0x786F4256, /* vboxsf */
};

static bool is_network(unsigned long type)
{
	for (size_t i = 0; i < COUNT_OF(NETWORK_TYPES); i++) {
		if ((type & 0xFFFFFFFF) == NETWORK_TYPES[i])
			return true;
	}
	return false;
}

static char *nearest_existing(const char *path)
{
	char *nearest = str_dup(path);

	while (!file_exists(nearest) && !str_is(nearest, "/") && !str_is(nearest, ".")) {
		char *parent = path_folder(nearest);

		free(nearest);
		nearest = parent;
	}
	return nearest;
}

bool disk_free(const char *path, DiskFree *ret, Err *err)
{
	AUTO(free_auto) char *where = nearest_existing(path);
	struct statvfs space;
	struct statfs type;
	struct stat st;

	if (stat(where, &st) < 0 || statvfs(where, &space) < 0 || statfs(where, &type) < 0)
		return err_fail_sys(err, "cannot ask for the free space of '%s'", where);
	*ret = (DiskFree){
		.device = st.st_dev,
		.free_bytes = (int64_t)space.f_bavail * (int64_t)space.f_frsize,
		.free_inodes = space.f_files ? (int64_t)space.f_favail : -1,
		.network = is_network((unsigned long)type.f_type),
		.read_only = (space.f_flag & ST_RDONLY) != 0,
	};
	return true;
}

/* Kernels before 5.8 do not tell; there a bind mount within one file system goes unseen. */
static bool device_differs_from_parent(const char *path)
{
	AUTO(free_auto) char *above = path_join(path, "..");
	struct stat here, parent;

	if (lstat(path, &here) < 0 || !S_ISDIR(here.st_mode) || stat(above, &parent) < 0)
		return false;
	return here.st_dev != parent.st_dev ||
	       (here.st_ino == parent.st_ino && here.st_dev == parent.st_dev);
}

bool disk_is_mount_point(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
		return false;
	if (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
	return device_differs_from_parent(path);
}
