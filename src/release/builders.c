#include "release/builders.h"

#include "os/file.h"
#include "os/process_table.h"

/* They are as many as there are processors, or none. */
#define MANY    4096
#define TERM_MS 1000

typedef struct Search {
	const char *release_path;
	pid_t pid; /* 0: none */
	uint64_t start_ticks;
} Search;

static bool look_at(void *arg, const Process *process)
{
	Search *search = arg;

	if (process->argv.len == 0 || !path_below(process->argv.items[0], search->release_path))
		return true;
	search->pid = process->pid;
	search->start_ticks = process->start_ticks;
	return false;
}

bool builders_end(const char *release_path, Err *err)
{
	for (int i = 0; i < MANY; i++) {
		Search search = {.release_path = release_path};
		AUTO(close_auto) int pidfd = -1;

		process_each(look_at, &search);
		if (!search.pid)
			return true;
		pidfd = process_open(search.pid, search.start_ticks);
		if (pidfd >= 0 && !process_end(pidfd, TERM_MS, err))
			return err_wrap(
				err, "ending process %d of an unfinished build", (int)search.pid);
	}
	return err_fail(err, ERR_REFUSED, "processes go on starting in '%s'", release_path);
}
