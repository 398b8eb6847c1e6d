#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fault.h"
#include "os/process_dir.h"
#include "os/process_table.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define KILL_LIMIT_MS 5000
#define ALL_MAX       4096

/* Opened first, compared afterwards: while the descriptor is held the number is not re-used. */
int process_open(pid_t pid, uint64_t start_ticks)
{
	AUTO(close_auto) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	ProcStat about;
	int result;

	if (fd < 0)
		return -1;
	if (!proc_stat(pid, &about) || about.start_ticks != start_ticks) {
		errno = ESRCH;
		return -1;
	}
	result = fd;
	fd = -1;
	return result;
}

bool process_wait_gone(int pidfd, int64_t ms)
{
	const Deadline deadline = deadline_in(ms);
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	siginfo_t about;
	int ready;

	do
		ready = poll(&wait, 1, (int)deadline_left_ms(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return false;
	/* A server that we started ourselves would stay a zombie. */
	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &about, WEXITED | WNOHANG) < 0 &&
		errno == EINTR)
		;
	return true;
}

bool process_alive(int pidfd)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&wait, 1, 0) == 0;
}

static bool send_signal(int pidfd, int number, Err *err)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == 0 || errno == ESRCH)
		return true;
	return err_fail_sys(err, "cannot end a process");
}

bool process_end(int pidfd, int64_t term_ms, Err *err)
{
	if (!process_alive(pidfd)) {
		process_wait_gone(
			pidfd, 0); /* a child of ours is reaped also when it was quicker */
		return true;
	}
	if (!FAULT(err, "process-end") || !send_signal(pidfd, SIGTERM, err))
		return false;
	if (process_wait_gone(pidfd, term_ms))
		return true;
	if (!FAULT(err, "process-kill") || !send_signal(pidfd, SIGKILL, err))
		return false;
	if (process_wait_gone(pidfd, KILL_LIMIT_MS))
		return true;
	return err_fail(err, ERR_TIMEOUT, "a process did not end within %d s of KILL",
		KILL_LIMIT_MS / 1000);
}

typedef struct Search {
	bool (*is_meant)(const char *path, const Process *process);
	const char *path;
	pid_t pid; /* 0: none */
	uint64_t start_ticks;
} Search;

static bool look_at(void *arg, const Process *process)
{
	Search *search = arg;

	if (!search->is_meant(search->path, process))
		return true;
	search->pid = process->pid;
	search->start_ticks = process->start_ticks;
	return false;
}

bool process_end_all(bool (*is_meant)(const char *path, const Process *process), const char *path,
	int64_t term_ms, Err *err)
{
	for (int i = 0; i < ALL_MAX; i++) {
		Search search = {.is_meant = is_meant, .path = path};
		AUTO(close_auto) int pidfd = -1;

		process_each(look_at, &search);
		if (!search.pid)
			return true;
		pidfd = process_open(search.pid, search.start_ticks);
		if (pidfd >= 0 && !process_end(pidfd, term_ms, err))
			return err_wrap(err, "process %d", (int)search.pid);
	}
	return err_fail(err, ERR_REFUSED, "processes go on starting in '%s'", path);
}
