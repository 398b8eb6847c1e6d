#include "base/clock.h"
#include "base/mem.h"
#include "service/server_process.h"
#include "service/service_owner.h"

#define ROUNDS_MAX    16  /* orphaned workers are found one by one, each holding the port */
#define CHILD_LATE_MS 500 /* for all of them together, after the server itself has gone */
#define CHILD_TERM_MS 100

typedef struct Watched {
	pid_t pid;
	int pidfd;
} Watched;

typedef struct WatchedList {
	Watched *items;
	size_t len;
} WatchedList;

static void watched_clear(WatchedList *list)
{
	for (size_t i = 0; i < list->len; i++) {
		if (list->items[i].pidfd >= 0)
			close(list->items[i].pidfd);
	}
	free(list->items);
	*list = (WatchedList){0};
}

/* All are opened before the first is ended: afterwards the children have another parent and could
 * not be told from strangers. */
static void watch_family(const Process *server, WatchedList *ret)
{
	AUTO(free_auto) pid_t *pids = NULL;
	size_t count = server_family(server->pid, &pids);

	ret->items = mem_new(count, sizeof(Watched));
	for (size_t i = 0; i < count; i++) {
		AUTO(process_clear) Process process = {0};
		AUTO(err_clear) Err ignored = {0};
		int pidfd;

		if (!process_read(pids[i], &process, &ignored))
			continue;
		pidfd = process_open(pids[i], process.start_ticks);
		/* Still below the server while we hold it: so it is the one we mean. */
		if (pidfd >= 0 && !process_is_descendant(pids[i], server->pid)) {
			close(pidfd);
			continue;
		}
		if (pidfd >= 0)
			ret->items[ret->len++] = (Watched){.pid = pids[i], .pidfd = pidfd};
	}
}

static bool end_family(const Site *site, const Process *server, Err *err)
{
	AUTO(watched_clear) WatchedList family = {0};
	AUTO(close_auto) int root = process_open(server->pid, server->start_ticks);
	Deadline late;

	if (root < 0)
		return true;
	watch_family(server, &family);
	if (!process_end(root, site->stop_timeout_ms, err))
		return err_wrap(err, "stopping the server, process %d", (int)server->pid);
	late = deadline_in(CHILD_LATE_MS);
	for (size_t i = 0; i < family.len; i++) {
		if (process_wait_gone(family.items[i].pidfd, deadline_left_ms(late)))
			continue;
		if (!process_end(family.items[i].pidfd, CHILD_TERM_MS, err))
			return err_wrap(err, "stopping process %d, which the server had started",
				(int)family.items[i].pid);
	}
	return true;
}

bool stop_process(const Site *site, Err *err)
{
	uint64_t newest = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		AUTO(process_clear) Process server = {0};
		bool found = false;

		server_find(site, &server, &found);
		if (!found)
			return true;
		if (newest && server.start_ticks > newest) {
			AUTO(free_auto) char *starter = process_describe(server.parent);

			err_fail(err, ERR_VERIFY,
				"something starts the server again as soon as it is stopped: process %d, "
				"started by %s",
				(int)server.pid, starter);
			return err_hint(err, "switch that off for the time of the upgrade");
		}
		if (!end_family(site, &server, err))
			return false;
		if (!newest)
			newest = server.start_ticks;
	}
	return err_fail(err, ERR_VERIFY, "the server on port %d cannot be stopped", site->port);
}
