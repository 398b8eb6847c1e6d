#include "service/prewarm.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/process_table.h"
#include "os/signals.h"
#include "service/log_tail.h"
#include "service/prewarm_parts.h"

#define HERE_MS     20000 /* the interpreter alone, from a cold disk */
#define GO_MS       5000
#define LEAVE_MS    1000 /* the import of one module, then it sees that we have gone */
#define LINE_MAX    8192
#define SHOWN_LINES 3
#define SHOWN_NAMES 300

struct Prewarm {
	const Site *site;
	char *release; /* path */
	char *log;
	int64_t log_from;
	int socket;
	int pidfd;
	pid_t pid;
	Deadline deadline; /* of the imports */
	bool ready;
	bool rehearsed;
	char read[LINE_MAX]; /* from the socket, not yet taken */
	size_t read_len;
};

/* Both ends above 2: the launcher's is inherited under its own number. */
static bool open_socket_pair(int ret[2], Err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return err_fail_sys(err, "cannot make a pair of sockets");
	for (int i = 0; i < 2; i++) {
		ret[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
		close(ends[i]);
	}
	return ret[0] >= 0 && ret[1] >= 0 ? true
					  : err_fail_sys(err, "cannot make a pair of sockets");
}

static void prewarm_free(Prewarm *prewarm)
{
	if (prewarm->socket >= 0)
		close(prewarm->socket);
	if (prewarm->pidfd >= 0)
		close(prewarm->pidfd);
	free(prewarm->release);
	free(prewarm->log);
	free(prewarm);
}

/* Always false. What it wrote says more than that it has gone. */
static bool fail_with_log(const Prewarm *prewarm, ErrKind kind, Err *err)
{
	AUTO(free_auto)
	char *words = log_words_since(prewarm->log, prewarm->log_from, SHOWN_LINES);

	if (words[0])
		return err_fail(err, kind, "it wrote: %s", words);
	return err_fail(err, kind, "it wrote nothing");
}

static bool fail_gone(const Prewarm *prewarm, Err *err)
{
	fail_with_log(prewarm, ERR_EXEC, err);
	return err_wrap(err, "it has ended by itself");
}

static char *take_line(Prewarm *prewarm)
{
	char *end = memchr(prewarm->read, '\n', prewarm->read_len);
	size_t len;
	char *line;

	if (!end)
		return NULL;
	len = (size_t)(end - prewarm->read);
	line = str_dup_n(prewarm->read, len);
	prewarm->read_len -= len + 1;
	memmove(prewarm->read, end + 1, prewarm->read_len);
	return line;
}

static bool read_line(Prewarm *prewarm, Deadline deadline, char **ret, Err *err)
{
	for (;;) {
		char *line = take_line(prewarm);
		struct pollfd wait[] = {{.fd = prewarm->socket, .events = POLLIN},
			{.fd = signals_fd(), .events = POLLIN}};
		ssize_t got;

		if (line) {
			*ret = line;
			return true;
		}
		if (poll(wait, 2, (int)deadline_left_ms(deadline)) < 0 && errno == EINTR)
			continue;
		if (wait[1].revents)
			return err_fail(err, ERR_INTERRUPTED, "interrupted");
		if (!wait[0].revents) {
			fail_with_log(prewarm, ERR_TIMEOUT, err);
			return err_wrap(err, "its modules are not imported in time");
		}
		got = recv(prewarm->socket, prewarm->read + prewarm->read_len,
			LINE_MAX - prewarm->read_len, MSG_DONTWAIT);
		if (got <= 0)
			return fail_gone(prewarm, err);
		prewarm->read_len += (size_t)got;
	}
}

/* ---- start ---- */

static bool launch(const PrewarmSpec *spec, Prewarm *prewarm, int socket, Err *err)
{
	AUTO(free_auto) char *launcher = NULL;
	AUTO(free_auto) char *list = NULL;
	AUTO(strlist_clear) StrList argv = {0};
	DaemonSpec daemon = spec->rehearsed ? *spec->rehearsed
					    : recipe_surroundings(&spec->site->recipe);

	if (!spec->rehearsed)
		daemon.log = prewarm->log;
	if (!prewarm_install_launcher(spec->site, &launcher, err) ||
		!prewarm_install_list(spec, &list, err))
		return false;
	strlist_add(&argv, spec->release->python);
	strlist_add(&argv, launcher);
	strlist_add(&argv, "warm");
	strlist_addf(&argv, "%d", socket);
	strlist_add(&argv, list);
	if (spec->rehearsed)
		for (const char *const *word = spec->rehearsed->argv; *word; word++)
			strlist_add(&argv, *word);
	else
		prewarm_words(spec->site, &argv);
	daemon.argv = strlist_argv(&argv);
	daemon.keep_fd = socket;
	return proc_daemon(&daemon, &prewarm->pid, &prewarm->pidfd, err);
}

static const char *log_of(const PrewarmSpec *spec)
{
	const Site *site = spec->site;

	if (spec->rehearsed)
		return spec->rehearsed->log;
	if (site->recipe.log)
		return site->recipe.log;
	return site->service == SERVICE_SCRIPT ? site->log_file : NULL;
}

/* Returns when it has said that it is there: from then on nobody takes it for a server. */
bool prewarm_start(const PrewarmSpec *spec, Prewarm **ret, Err *err)
{
	AUTO(prewarm_cancel_auto) Prewarm *prewarm = NEW(Prewarm);
	AUTO(free_auto) char *here = NULL;
	int ends[2] = {-1, -1};
	bool launched;

	prewarm->site = spec->site;
	prewarm->socket = prewarm->pidfd = -1;
	prewarm->rehearsed = spec->rehearsed != NULL;
	prewarm->release = str_dup(spec->release->path);
	prewarm->log = str_dup(log_of(spec));
	prewarm->log_from = log_size(prewarm->log);
	if (!prewarm_knows_command(spec->site))
		return err_fail(err, ERR_REFUSED,
			"the server's command has a shape that cannot be started early");
	if (!open_socket_pair(ends, err))
		return false;
	prewarm->socket = ends[0];
	launched = launch(spec, prewarm, ends[1], err);
	close(ends[1]);
	prewarm->deadline = deadline_in(spec->timeout_ms);
	if (!launched || !read_line(prewarm, deadline_in(HERE_MS), &here, err))
		return err_wrap(err, "starting the server early");
	if (!str_is(here, "here"))
		return err_fail(err, ERR_VERIFY, "the early server says '%.40s'", here);
	*ret = TAKE(prewarm);
	return true;
}

/* ---- ready ---- */

/* A module that the rehearsal could load and this process cannot: what it waits with is not what an
 * ordinary start would have. */
static bool read_ready(const char *line, Err *err)
{
	size_t modules, failed;
	int names = 0;

	if (sscanf(line, "ready %zu %zu %n", &modules, &failed, &names) != 2 || !names)
		return err_fail(err, ERR_VERIFY, "it says '%.40s'", line);
	if (failed)
		return err_fail(err, ERR_VERIFY, "modules that cannot be imported: %zu (%.*s)",
			failed, SHOWN_NAMES, line + names);
	return true;
}

bool prewarm_ready(Prewarm *prewarm, Err *err)
{
	AUTO(free_auto) char *line = NULL;

	if (prewarm->ready)
		return true;
	if (!read_line(prewarm, prewarm->deadline, &line, err) || !read_ready(line, err))
		return err_wrap(err, "preparing the server early");
	prewarm->ready = true;
	return true;
}

pid_t prewarm_pid(const Prewarm *prewarm)
{
	return prewarm->pid;
}

int prewarm_pidfd(const Prewarm *prewarm)
{
	return prewarm->pidfd;
}

/* ---- go ---- */

/* Modules of one release and the script of another would be a mix. */
static bool names_release(const Prewarm *prewarm, Err *err)
{
	AUTO(free_auto) char *real = path_real(prewarm->site->environment);

	if (prewarm->rehearsed || (real && str_is(real, prewarm->release)))
		return true;
	return err_fail(err, ERR_VERIFY, "'%s' does not name the release '%s'",
		prewarm->site->environment, prewarm->release);
}

/* It closes its end as the first thing, so end of file is the proof that it has taken the byte. */
static bool send_go(const Prewarm *prewarm, Err *err)
{
	struct pollfd wait = {.fd = prewarm->socket, .events = POLLIN};
	const Deadline deadline = deadline_in(GO_MS);
	char byte;

	if (!FAULT(err, "prewarm-go"))
		return false;
	if (send(prewarm->socket, "G", 1, MSG_NOSIGNAL) != 1)
		return fail_gone(prewarm, err);
	while (poll(&wait, 1, (int)deadline_left_ms(deadline)) < 0 && errno == EINTR)
		;
	if (!wait.revents)
		return err_fail(err, ERR_TIMEOUT, "it does not go on");
	if (recv(prewarm->socket, &byte, 1, MSG_DONTWAIT) != 0 || !process_alive(prewarm->pidfd))
		return fail_gone(prewarm, err);
	return true;
}

bool prewarm_go(Prewarm *prewarm, pid_t *ret_pid, Err *err)
{
	AUTO(prewarm_cancel_auto) Prewarm *held = prewarm;
	AUTO(err_clear) Err pid_file = {0};

	if (!prewarm_ready(prewarm, err))
		return false;
	if (!names_release(prewarm, err) || !send_go(prewarm, err))
		return err_wrap(err, "letting the early server go on");
	if (!prewarm->rehearsed &&
		!recipe_write_pid_file(&prewarm->site->recipe, prewarm->pid, &pid_file))
		event_warn_err("pid-file", &pid_file);
	*ret_pid = prewarm->pid;
	prewarm_free(TAKE(held));
	return true;
}

void prewarm_cancel(Prewarm *prewarm)
{
	AUTO(err_clear) Err ignored = {0};

	if (!prewarm)
		return;
	if (prewarm->socket >= 0)
		close(prewarm->socket);
	prewarm->socket = -1;
	if (prewarm->pidfd >= 0 && !process_wait_gone(prewarm->pidfd, LEAVE_MS) &&
		!process_end(prewarm->pidfd, 0, &ignored))
		event_warn_err("prewarm", &ignored);
	prewarm_free(prewarm);
}
