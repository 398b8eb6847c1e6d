#include "os/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/proc_child.h"
#include "os/signals.h"

#define LINE_MAX_BYTES   4096
#define LINE_RAW_MAX     65536 /* masked as a whole before it is cut: half a secret is not masked */
#define TAIL_MAX         4096
#define CAPTURE_DEFAULT  65536
#define GRACE_DEFAULT_MS 3000
#define KILL_LIMIT_MS    5000
#define TICK_MS          1000
#define STRAGGLER_MS     250 /* a background child may hold the pipes of a program that ended */

typedef enum { END_ITSELF, END_TIMEOUT, END_SIGNAL, END_TICK } EndReason;

typedef struct Stream {
	int fd; /* -1: at its end, or not ours to read */
	bool is_stderr;
	Text line;
} Stream;

struct ProcRunning {
	ProcSpec spec; /* of its pointers only callbacks and arg are used after the start */
	char *program;
	json_t *argv;
	int log;
	pid_t pid;
	int pidfd;
	Stream out, err;
	Text captured;
	Text tail; /* of stderr */
	int64_t started_ms;
	Deadline deadline; /* of the program; then of TERM; then of KILL */
	EndReason reason;
	bool killed, given_up;
	bool watch_signals;
	int pipe; /* the caller's end, proc_start only */
	pthread_t guard;
};

/* ---- what the child inherits ---- */

static void default_env(StrList *env, const ChildUser *user)
{
	static const char *const kept[] = {"PATH", "LANG", "LC_ALL", "TMPDIR", "http_proxy",
		"https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
		"CURL_CA_BUNDLE"};
	const char *home = user->home ? user->home : getenv("HOME");

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		if (getenv(kept[i]))
			strlist_addf(env, "%s=%s", kept[i], getenv(kept[i]));
	}
	if (!env_get(env, "PATH"))
		env_set(env, "PATH",
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (home)
		env_set(env, "HOME", home);
}

/* A memory file rather than a pipe: nothing to feed while the child runs, and a child that leaves
 * without reading costs no SIGPIPE. */
static bool input_open(const char *input, int *ret, Err *err)
{
	AUTO(close_auto) int fd = memfd_create("input", MFD_CLOEXEC);
	size_t len = strlen(input), done = 0;

	if (fd < 0)
		return err_fail_sys(err, "cannot hold the input of a program");
	while (done < len) {
		ssize_t put = write(fd, input + done, len - done);

		if (put < 0 && errno != EINTR)
			return err_fail_sys(err, "cannot hold the input of a program");
		done += put > 0 ? (size_t)put : 0;
	}
	lseek(fd, 0, SEEK_SET);
	*ret = fd;
	fd = -1;
	return true;
}

static bool log_open(const char *path, int *ret, Err *err)
{
	if (!path)
		return true;
	*ret = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	return *ret >= 0 || err_fail_sys(err, "log file '%s'", path);
}

/* ---- its output ---- */

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* evidence must not fail the run */
		bytes += put;
		len -= (size_t)put;
	}
}

static void tail_add(Text *tail, const char *line)
{
	text_addf(tail, "%s\n", line);
	if (tail->len > TAIL_MAX) {
		size_t surplus = tail->len - TAIL_MAX;

		memmove(tail->data, tail->data + surplus, TAIL_MAX + 1);
		tail->len = TAIL_MAX;
	}
}

static void stream_line(ProcRunning *running, Stream *stream)
{
	AUTO(free_auto) char *line = redact(stream->line.data ? stream->line.data : "");

	if (strlen(line) > LINE_MAX_BYTES)
		line[LINE_MAX_BYTES] = '\0';
	if (stream->is_stderr)
		tail_add(&running->tail, line);
	if (running->log >= 0) {
		AUTO(free_auto) char *whole = str_format("%s\n", line);

		write_all(running->log, whole, strlen(whole));
	}
	if (running->spec.on_line)
		running->spec.on_line(running->spec.arg, stream->is_stderr, line);
	text_clear(&stream->line);
	stream->line.max = LINE_RAW_MAX;
}

static void stream_feed(ProcRunning *running, Stream *stream, const char *bytes, size_t len)
{
	if (!stream->is_stderr)
		text_add_bytes(&running->captured, bytes, len);
	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t part = newline ? (size_t)(newline - bytes) : len;

		text_add_bytes(&stream->line, bytes, part);
		if (!newline)
			return;
		stream_line(running, stream);
		bytes += part + 1;
		len -= part + 1;
	}
}

static void stream_end(ProcRunning *running, Stream *stream)
{
	if (stream->line.len > 0)
		stream_line(running, stream);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

static void stream_read(ProcRunning *running, Stream *stream)
{
	char bytes[16384];
	ssize_t got = read(stream->fd, bytes, sizeof bytes);

	if (got > 0)
		stream_feed(running, stream, bytes, (size_t)got);
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		stream_end(running, stream);
}

/* ---- how it ends ---- */

static void group_end(ProcRunning *running, EndReason reason)
{
	running->reason = reason;
	running->deadline = deadline_in(
		running->spec.grace_ms > 0 ? running->spec.grace_ms : GRACE_DEFAULT_MS);
	kill(-running->pid, SIGTERM);
	kill(-running->pid, SIGCONT);
}

static void deadline_passed(ProcRunning *running)
{
	if (running->reason == END_ITSELF) {
		group_end(running, END_TIMEOUT);
	} else if (!running->killed) {
		running->killed = true;
		running->deadline = deadline_in(KILL_LIMIT_MS);
		kill(-running->pid, SIGKILL);
	} else {
		running->given_up = true; /* stuck in the kernel: a dead disk or mount */
	}
}

static void look_at_signals(ProcRunning *running, bool readable)
{
	if (running->spec.ignore_signals || running->reason != END_ITSELF)
		return;
	if (signals_pending())
		group_end(running, END_SIGNAL);
	else if (readable)
		running->watch_signals =
			false; /* held back: the descriptor stays readable, look by the tick */
}

static int wait_ms(const ProcRunning *running)
{
	int64_t left = deadline_left_ms(running->deadline);

	return (int)(left < TICK_MS ? left : TICK_MS);
}

static bool may_tick(ProcRunning *running, int64_t *last, Err *err)
{
	if (!running->spec.on_tick || running->reason != END_ITSELF ||
		clock_mono_ms() - *last < TICK_MS)
		return true;
	*last = clock_mono_ms();
	return running->spec.on_tick(running->spec.arg, err);
}

/* Until the program is gone and its streams are at their end. */
static void supervise(ProcRunning *running, Err *err)
{
	bool gone = false;
	int64_t last_tick = clock_mono_ms();

	while (!running->given_up && (!gone || running->out.fd >= 0 || running->err.fd >= 0)) {
		struct pollfd waits[] = {
			{.fd = gone ? -1 : running->pidfd, .events = POLLIN},
			{.fd = running->out.fd, .events = POLLIN},
			{.fd = running->err.fd, .events = POLLIN},
			{.fd = running->watch_signals ? signals_fd() : -1, .events = POLLIN},
		};

		if (poll(waits, COUNT_OF(waits), wait_ms(running)) < 0 && errno != EINTR)
			break;
		if (waits[1].revents)
			stream_read(running, &running->out);
		if (waits[2].revents)
			stream_read(running, &running->err);
		if (!gone && waits[0].revents) {
			gone = true;
			if (running->reason == END_ITSELF)
				running->deadline = deadline_in(STRAGGLER_MS);
		}
		if (gone && deadline_left_ms(running->deadline) == 0)
			break;
		if (gone)
			continue;
		look_at_signals(running, waits[3].revents != 0);
		if (!may_tick(running, &last_tick, err))
			group_end(running, END_TICK);
		if (deadline_left_ms(running->deadline) == 0)
			deadline_passed(running);
	}
	stream_end(running, &running->out);
	stream_end(running, &running->err);
}

/* proc_start: the caller is busy with the pipe, so a thread keeps the deadline. It touches reason,
 * deadline and the flags only; proc_finish reads them after joining it. */
static void *guard_main(void *arg)
{
	ProcRunning *running = arg;

	while (!running->given_up) {
		struct pollfd waits[] = {
			{.fd = running->pidfd, .events = POLLIN},
			{.fd = running->watch_signals ? signals_fd() : -1, .events = POLLIN},
		};

		if (poll(waits, COUNT_OF(waits), wait_ms(running)) < 0 && errno != EINTR)
			break;
		if (waits[0].revents)
			break;
		look_at_signals(running, waits[1].revents != 0);
		if (deadline_left_ms(running->deadline) == 0)
			deadline_passed(running);
	}
	return NULL;
}

/* ---- the verdict ---- */

static void emit_child(const ProcRunning *running, const ProcResult *result)
{
	AUTO(json_release_auto) json_t *data = NULL;
	Event event = {.kind = EVENT_CHILD, .id = running->program, .ms = result->ms};

	if (running->spec.quiet)
		return;
	data = json_object();
	json_object_set(data, "argv", running->argv);
	json_put_int(data, "exit", result->exit_code);
	if (result->signal)
		json_put_int(data, "signal", result->signal);
	json_put_int(data, "ms", result->ms);
	event.data = data;
	event_emit(&event);
}

static const char *last_line(const char *tail)
{
	const char *end = tail + strlen(tail), *start;

	while (end > tail && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	for (start = end; start > tail && start[-1] != '\n'; start--)
		;
	return start;
}

static bool verdict(const ProcRunning *running, const ProcResult *result, Err *err)
{
	const char *words = last_line(result->err_tail);

	switch (running->reason) {
	case END_TICK:
		if (err->kind == ERR_NONE)
			err_fail(err, ERR_TIMEOUT, "'%s' was ended before it finished",
				running->program);
		return false;
	case END_TIMEOUT:
		return err_fail(err, ERR_TIMEOUT, "'%s' did not finish within %lld s",
			running->program, whole_seconds(running->spec.timeout_ms));
	case END_SIGNAL:
		return err_fail(err, ERR_INTERRUPTED,
			"'%s' was ended because belay was asked to stop", running->program);
	case END_ITSELF:
		break;
	}
	if (result->signal)
		return err_fail(err, ERR_EXEC, "'%s' was ended by signal %d (%s)", running->program,
			result->signal, strsignal(result->signal));
	if (result->exit_code == 0 || running->spec.exit_is_answer)
		return true;
	if (!words[0])
		return err_fail(err, ERR_EXEC, "'%s' failed with status %d and said nothing",
			running->program, result->exit_code);
	return err_fail(err, ERR_EXEC, "'%s' failed with status %d: %.*s", running->program,
		result->exit_code, (int)strcspn(words, "\n"), words);
}

static bool conclude(ProcRunning *running, ProcResult *ret, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {.exit_code = -1};
	struct rusage usage = {0};
	int status = 0;

	/* Members of the group that outlived its leader; the number is ours until the leader is
	 * reaped. */
	if (running->reason != END_ITSELF)
		kill(-running->pid, SIGKILL);
	while (!running->given_up && wait4(running->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	if (!running->given_up && WIFEXITED(status))
		result.exit_code = WEXITSTATUS(status);
	else if (WIFSIGNALED(status))
		result.signal = WTERMSIG(status);
	result.ms = clock_mono_ms() - running->started_ms;
	result.max_rss_kb = usage.ru_maxrss;
	result.out = text_take(&running->captured);
	result.err_tail = text_take(&running->tail);
	emit_child(running, &result);
	if (!verdict(running, &result, err))
		return false;
	*ret = result;
	result = (ProcResult){0};
	return true;
}

void proc_result_clear(ProcResult *result)
{
	free(result->out);
	free(result->err_tail);
	*result = (ProcResult){0};
}

/* ---- starting ---- */

static void running_free(ProcRunning *running)
{
	free(running->program);
	json_decref(running->argv);
	if (running->log >= 0)
		close(running->log);
	if (running->pidfd >= 0)
		close(running->pidfd);
	if (running->pipe >= 0)
		close(running->pipe);
	if (running->out.fd >= 0)
		close(running->out.fd);
	if (running->err.fd >= 0)
		close(running->err.fd);
	text_clear(&running->out.line);
	text_clear(&running->err.line);
	text_clear(&running->captured);
	text_clear(&running->tail);
	free(running);
}
DEFINE_AUTO(ProcRunning, running_free)

static ProcRunning *running_new(const ProcSpec *spec)
{
	ProcRunning *running = NEW(ProcRunning);

	running->spec = *spec;
	running->program = str_dup(spec->argv[0]);
	running->argv = json_array();
	for (const char *const *word = spec->argv; *word; word++) {
		AUTO(free_auto) char *masked = redact(*word);

		json_array_append_new(running->argv, json_string(masked));
	}
	running->log = running->pidfd = running->pipe = -1;
	running->out = (Stream){.fd = -1, .line = TEXT_INIT(LINE_RAW_MAX)};
	running->err = (Stream){.fd = -1, .is_stderr = true, .line = TEXT_INIT(LINE_RAW_MAX)};
	running->captured = (Text)TEXT_INIT(
		spec->capture_max ? spec->capture_max : CAPTURE_DEFAULT);
	running->tail = (Text)TEXT_INIT(TAIL_MAX + LINE_MAX_BYTES + 2);
	running->watch_signals = !spec->ignore_signals;
	return running;
}

static bool plan_user(const ProcSpec *spec, ChildUser *user, ChildPlan *plan, Err *err)
{
	if (!spec->user)
		return true;
	if (!child_user_find(spec->user, user, err))
		return false;
	if (user->uid == geteuid())
		return true;
	if (geteuid() != 0)
		return err_fail(err, ERR_EXEC, "running '%s' as user '%s' needs root",
			spec->argv[0], spec->user);
	plan->switch_user = true;
	plan->uid = user->uid;
	plan->gid = user->gid;
	plan->groups = user->groups;
	plan->group_count = user->group_count;
	return true;
}

/* `in`, `out` and `err` of the plan are already set, or -1. */
static bool launch(ProcRunning *running, ChildPlan *plan, Err *err)
{
	const ProcSpec *spec = &running->spec;
	AUTO(child_user_clear) ChildUser user = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(free_auto) char *path = NULL;
	AUTO(close_auto) int input = -1;

	if (!plan_user(spec, &user, plan, err))
		return false;
	if (!spec->env)
		default_env(&env, &user);
	plan->argv = spec->argv;
	plan->env = spec->env ? spec->env : strlist_argv(&env);
	plan->dir = spec->dir;
	plan->low_priority = spec->low_priority;
	plan->cage_fd = spec->cage_fd;
	path = child_program(spec->argv[0], plan->env);
	if (!path)
		return err_fail(err, ERR_EXEC, "there is no program '%s' in PATH", spec->argv[0]);
	plan->path = path;
	if (spec->input && !input_open(spec->input, &input, err))
		return false;
	if (plan->in < 0)
		plan->in = spec->input ? input : spec->input_fd > 0 ? spec->input_fd : -1;
	if (!log_open(spec->log_file, &running->log, err))
		return false;
	running->started_ms = clock_mono_ms();
	running->deadline = deadline_in(spec->timeout_ms);
	return child_spawn(plan, &running->pid, &running->pidfd, err);
}

bool proc_run(const ProcSpec *spec, ProcResult *ret, Err *err)
{
	AUTO(running_free_auto) ProcRunning *running = running_new(spec);
	AUTO(close_auto) int out_end = -1;
	AUTO(close_auto) int err_end = -1;
	ChildPlan plan = {.in = -1};
	int ends[2];

	if (spec->output_fd <= 0) {
		if (pipe2(ends, O_CLOEXEC) != 0)
			return err_fail_sys(err, "cannot start '%s'", spec->argv[0]);
		running->out.fd = ends[0];
		out_end = ends[1];
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_fail_sys(err, "cannot start '%s'", spec->argv[0]);
	running->err.fd = ends[0];
	err_end = ends[1];
	plan.out = spec->output_fd > 0 ? spec->output_fd : out_end;
	plan.err = err_end;
	if (!launch(running, &plan, err))
		return false;
	if (out_end >= 0)
		close(out_end);
	close(err_end);
	out_end = err_end = -1;
	supervise(running, err);
	return conclude(running, ret, err);
}

/* What nobody reads while the child runs goes to memory files: a full pipe would stop it. */
bool proc_start(const ProcSpec *spec, ProcRunning **ret, int *ret_pipe, Err *err)
{
	AUTO(running_free_auto) ProcRunning *running = running_new(spec);
	AUTO(close_auto) int child_end = -1;
	const bool writes = spec->output_fd < 0;
	ChildPlan plan = {.in = -1};
	sigset_t all, before;
	int ends[2];

	running->err.fd = memfd_create("stderr", MFD_CLOEXEC);
	if (writes)
		running->out.fd = memfd_create("stdout", MFD_CLOEXEC);
	if (running->err.fd < 0 || (writes && running->out.fd < 0) || pipe2(ends, O_CLOEXEC) != 0)
		return err_fail_sys(err, "cannot start '%s'", spec->argv[0]);
	running->pipe = writes ? ends[1] : ends[0];
	child_end = writes ? ends[0] : ends[1];
	plan.in = writes ? child_end : -1;
	plan.out = writes ? running->out.fd : child_end;
	plan.err = running->err.fd;
	if (!launch(running, &plan, err))
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&running->guard, NULL, guard_main, running);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errno != 0) {
		err_fail_sys(err, "cannot watch '%s'", spec->argv[0]);
		kill(-running->pid, SIGKILL);
		return false;
	}
	*ret_pipe = running->pipe;
	*ret = TAKE(running);
	return true;
}

bool proc_finish(ProcRunning *running, ProcResult *ret, Err *err)
{
	AUTO(running_free_auto) ProcRunning *owned = running;

	close(owned->pipe);
	owned->pipe = -1;
	pthread_join(owned->guard, NULL);
	for (Stream *stream = &owned->err; stream;
		stream = stream == &owned->err ? &owned->out : NULL) {
		if (stream->fd >= 0)
			lseek(stream->fd, 0, SEEK_SET);
		while (stream->fd >= 0)
			stream_read(owned, stream);
	}
	return conclude(owned, ret, err);
}
