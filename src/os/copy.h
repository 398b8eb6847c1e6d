/* copy.h - the content of one open file into another; shared by file.c and tree.c. */
#pragma once
#include "base/error.h"

/* Everything from the start of `from` into the empty `to`: as a reflink where the file system can,
 * else within the kernel, else by hand. Not synced. ERR_INTERRUPTED after INT or TERM. */
bool copy_content(int from, int to, const char *from_name, Err *err) NODISCARD;
/* ERR_INTERRUPTED after INT or TERM: long work asks this between two pieces. */
bool copy_may_go_on(Err *err) NODISCARD;
bool write_all(int fd, const void *data, size_t len) NODISCARD; /* errno says why not */
