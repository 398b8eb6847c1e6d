#include "base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static unsigned long passed;
static bool failed;

static void log_point(const char *name)
{
	const char *path = getenv("BELAY_FAULT_LOG");
	AUTO(free_auto) char *line = NULL;
	AUTO(close_auto) int fd = -1;

	if (str_empty(path))
		return;
	line = str_format("%lu %s\n", passed, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		return;
}

/* The same as a power cut for this process: no handler, no cleanup, no buffer is flushed. */
static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

bool fault_pass(Err *err, const char *name)
{
	const char *wish = getenv("BELAY_FAULT");
	const char *number = wish ? strchr(wish, ':') : NULL;

	passed++;
	log_point(name);
	if (!wish)
		return true;
	if (str_starts(wish, "kill@") && str_is(wish + 5, name))
		die();
	if (str_starts(wish, "fail@") && str_is(wish + 5, name) && !failed) {
		failed = true;
		return err_fail(err, ERR_IO, "injected fault at '%s'", name);
	}
	if (!number || strtoul(number + 1, NULL, 10) != passed)
		return true;
	if (str_starts(wish, "kill:"))
		die();
	if (str_starts(wish, "full:"))
		return err_fail(err, ERR_NO_SPACE, "injected fault %lu at '%s'", passed, name);
	return err_fail(err, ERR_IO, "injected fault %lu at '%s'", passed, name);
}

void fault_restart(void)
{
	passed = 0;
	failed = false;
}
