#include "os/copy.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/signals.h"

#define PIECE  (64 * 1024 * 1024) /* between two looks at the signal flag */
#define BUFFER (256 * 1024)

bool copy_may_go_on(Err *err)
{
	if (!signals_pending())
		return true;
	return err_fail(err, ERR_INTERRUPTED, "interrupted");
}

bool write_all(int fd, const void *data, size_t len)
{
	const char *rest = data;
	const char *end = rest + len;

	while (rest < end) {
		ssize_t done = write(fd, rest, (size_t)(end - rest));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		rest += done;
	}
	if (len > 0)
		FAULT_WRITTEN(fd, len);
	return true;
}

/* Some file systems refuse copy_file_range() in general, some only between two of them; and it
 * reports an empty file for what has content but no size (in /proc). */
static bool copy_in_kernel(int from, int to, bool *ret_done, const char *from_name, Err *err)
{
	bool any = false;

	for (;;) {
		ssize_t done = copy_file_range(from, NULL, to, NULL, PIECE, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (any || err_kind_of_errno(errno) == ERR_NO_SPACE || errno == EIO))
			return err_fail_sys(err, "cannot copy '%s'", from_name);
		if (done <= 0) {
			*ret_done = any;
			return true;
		}
		any = true;
		FAULT_WRITTEN(to, (size_t)done);
		if (!copy_may_go_on(err))
			return false;
	}
}

static bool copy_by_hand(int from, int to, const char *from_name, Err *err)
{
	AUTO(free_auto) char *buffer = mem_new(BUFFER, 1);

	for (;;) {
		ssize_t got = read(from, buffer, BUFFER);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			return true;
		if (got < 0 || !write_all(to, buffer, (size_t)got))
			return err_fail_sys(err, "cannot copy '%s'", from_name);
		if (!copy_may_go_on(err))
			return false;
	}
}

bool copy_content(int from, int to, const char *from_name, Err *err)
{
	bool done = false;

	if (!copy_may_go_on(err))
		return false;
	if (ioctl(to, FICLONE, from) == 0)
		return true;
	if (!copy_in_kernel(from, to, &done, from_name, err))
		return false;
	return done || copy_by_hand(from, to, from_name, err);
}
