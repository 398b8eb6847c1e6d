#include "base/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"

static unsigned long passed, passed_by_name, written;

static void log_line(const char *line)
{
	const char *path = getenv("BELAY_FAULT_LOG");
	AUTO(close_auto) int fd = -1;

	if (str_empty(path))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		return;
}

static void log_point(const char *name)
{
	AUTO(free_auto) char *line = str_format("%lu %s\n", passed, name);

	log_line(line);
}

/* The same as a power cut for this process: no handler, no cleanup, no buffer is flushed. */
static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* "KIND:N", "KIND@NAME", "KIND@NAME:N" */
static bool is_meant(const char *wish, const char *name)
{
	const char *at = strpbrk(wish, ":@");
	const size_t len = at ? strcspn(at + 1, ":") : 0;

	if (!at || str_starts(wish, "torn"))
		return false;
	if (*at == ':')
		return strtoul(at + 1, NULL, 10) == passed;
	if (strlen(name) != len || strncmp(at + 1, name, len) != 0)
		return false;
	return ++passed_by_name == (at[1 + len] ? strtoul(at + len + 2, NULL, 10) : 1);
}

bool fault_pass(Err *err, const char *name)
{
	const char *wish = getenv("BELAY_FAULT");

	passed++;
	log_point(name);
	if (!wish || !is_meant(wish, name))
		return true;
	if (str_starts(wish, "kill"))
		die();
	if (str_starts(wish, "stop"))
		return kill(getpid(), SIGSTOP) == 0;
	return err_fail(err, str_starts(wish, "full") ? ERR_NO_SPACE : ERR_IO,
		"injected fault %lu at '%s'", passed, name);
}

void fault_written(int fd, size_t len)
{
	AUTO(free_auto) char *line = str_format("torn %lu\n", ++written);
	const char *wish = getenv("BELAY_FAULT");
	struct stat st;

	log_line(line);
	if (!wish || !str_starts(wish, "torn:") || strtoul(wish + 5, NULL, 10) != written)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0 &&
		ftruncate(fd, st.st_size - (off_t)(len < 2 ? len : len / 2)) < 0)
		log_line("the content could not be cut\n");
	die();
}

void fault_restart(void)
{
	passed = 0;
	passed_by_name = 0;
	written = 0;
}
