/* disk.h - what a file system offers. */
#pragma once
#include <stdint.h>

#include "base/error.h"

typedef struct DiskFree {
	uint64_t device;     /* st_dev: two paths on one file system agree */
	int64_t free_bytes;  /* for an unprivileged user */
	int64_t free_inodes; /* -1 where the file system has no fixed number */
	bool network;        /* nfs, cifs, fuse, ceph, 9p */
	bool read_only;
} DiskFree;

/* Of the file system that holds `path`, or its nearest existing parent. */
bool disk_free(const char *path, DiskFree *ret, Err *err) NODISCARD;
bool disk_is_mount_point(const char *path);
