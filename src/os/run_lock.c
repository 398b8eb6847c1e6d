#include "os/run_lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"

#define MOST    512
#define GONE_MS 2000
#define TICK_MS 10

struct RunLock {
	int fd;
};

typedef struct Holder {
	char *what;
	char *pid;
	char *since;
} Holder;

static void holder_clear(Holder *holder)
{
	free(holder->what);
	free(holder->pid);
	free(holder->since);
}

/* "13:48:12" for today, with the date for longer ago. */
static char *since_text(int64_t wall_ms)
{
	AUTO(free_auto) char *then = clock_readable(wall_ms);
	AUTO(free_auto) char *today = clock_readable(clock_wall_ms());

	return strncmp(then, today, 11) == 0 ? str_dup_n(then + 11, 8) : str_dup_n(then, 19);
}

/* The file says "what <tab> pid <tab> milliseconds". It is written after the lock was taken: for a
 * moment there may be nothing yet. */
static Holder read_holder(int fd)
{
	char line[MOST + 1];
	ssize_t len = pread(fd, line, MOST, 0);
	AUTO(strlist_clear) StrList parts = {0};

	line[len > 0 ? len : 0] = '\0';
	strlist_split(&parts, line, "\t\n");
	if (parts.len != 3)
		return (Holder){str_dup("?"), str_dup("?"), str_dup("?")};
	return (Holder){str_dup(parts.items[0]), str_dup(parts.items[1]),
		since_text(strtoll(parts.items[2], NULL, 10))};
}

static bool write_holder(int fd, const char *what, Err *err)
{
	AUTO(free_auto)
	char *line = str_format(
		"%.100s\t%ld\t%" PRId64 "\n", what, (long)getpid(), clock_wall_ms());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, line, strlen(line), 0) < 0)
		return err_fail_sys(err, "cannot write the lock file");
	return true;
}

static bool fail_busy(int fd, Err *err)
{
	AUTO(holder_clear) Holder holder = read_holder(fd);

	err_fail(err, ERR_BUSY, "another run is under way: '%s', process %s, since %s", holder.what,
		holder.pid, holder.since);
	return err_hint(err, "belay status");
}

/* Killed, and what it had forked is not another program yet, or has not noticed: it has the lock
 * too. */
static bool holder_is_gone(int fd)
{
	AUTO(holder_clear) Holder holder = read_holder(fd);
	const pid_t pid = (pid_t)strtol(holder.pid, NULL, 10);

	return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

/* There is no event to wait for: a lock cannot be waited for with a limit. */
static bool lock_whole(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	const Deadline patience = deadline_in(GONE_MS);

	while (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		const int saved = errno;
		const bool wait = (saved == EAGAIN || saved == EACCES) && holder_is_gone(fd) &&
				  deadline_left_ms(patience) > 0;

		errno = saved;
		if (!wait)
			return false;
		poll(NULL, 0, TICK_MS);
	}
	return true;
}

bool run_lock_take(const char *path, const char *what, RunLock **ret, Err *err)
{
	AUTO(close_auto) int fd = -1;

	if (!FAULT(err, "run-lock"))
		return false;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_fail_sys(err, "cannot open the lock file '%s'", path);
	if (!lock_whole(fd)) {
		if (errno == EAGAIN || errno == EACCES)
			return fail_busy(fd, err);
		return err_fail_sys(err, "cannot lock '%s'", path);
	}
	if (!write_holder(fd, what, err))
		return err_wrap(err, "'%s'", path);
	*ret = NEW(RunLock);
	(*ret)->fd = fd;
	fd = -1;
	return true;
}

void run_lock_release(RunLock *lock)
{
	int saved = errno;

	if (!lock)
		return;
	/* Emptied before it is given back: a later holder must not be taken for this one. */
	if (ftruncate(lock->fd, 0) < 0)
		errno = saved;
	close(lock->fd);
	free(lock);
	errno = saved;
}

char *run_lock_holder(const char *path)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &whole) < 0 || whole.l_type == F_UNLCK)
		return NULL;
	AUTO(holder_clear) Holder holder = read_holder(fd);
	return str_format("%s, process %s, since %s", holder.what, holder.pid, holder.since);
}
