#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/signals.h"
#include "service/log_tail.h"
#include "service/server_process.h"
#include "service/service_owner.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* in the kernel since 5.4, in older C libraries without a name */
#endif

#define TICK_MS 100
#define BACKGROUND_MS                                                                              \
	15000 /* a script that has ended has its server on the way, or none at all                 \
	       */
#define SHOWN_LINES     5
#define INTERPRETER_MAX 256

/* As a shell would: the kernel reads `#!` of a file that may be executed; of another one we do, and
 * what says nothing is a script for bash. */
static bool script_argv(const char *script, StrList *ret, Err *err)
{
	AUTO(close_auto) int fd = open(script, O_RDONLY | O_CLOEXEC);
	char first[INTERPRETER_MAX] = "";
	ssize_t got = fd < 0 ? -1 : read(fd, first, sizeof first - 1);
	const bool named = got > 2 && first[0] == '#' && first[1] == '!';
	struct stat about;

	if (got < 0)
		return err_fail_sys(err, "start script '%s'", script);
	first[strcspn(first, "\n")] = '\0';
	if (named && stat(script, &about) == 0 && (about.st_mode & 0111)) {
		strlist_add(ret, script);
		return true;
	}
	if (named) {
		char *interpreter = str_trim(first + 2);
		char *rest = interpreter + strcspn(interpreter, " \t");
		char *argument = *rest ? str_trim(rest + 1) : rest;

		*rest = '\0';
		strlist_add(ret, interpreter);
		if (*argument)
			strlist_add(ret, argument);
	} else {
		AUTO(free_auto) char *bash = proc_find("bash", "/bin:/usr/bin:/usr/local/bin");

		strlist_add(ret, bash ? bash : "/bin/sh");
	}
	strlist_add(ret, script);
	return true;
}

static void script_env(const Site *site, StrList *ret)
{
	static const char *const of_shells[] = {"_", "SHLVL", "PWD", "OLDPWD"};

	strlist_add_all(ret, &site->recipe.env);
	for (size_t i = 0; i < COUNT_OF(of_shells); i++)
		env_unset(ret, of_shells[i]);
}

typedef struct Start {
	const Site *site;
	const char *log;
	int64_t log_from;
	int pidfd;
	bool ended; /* the script, well */
	Deadline deadline;
} Start;

static bool launch(Start *start, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	const Site *site = start->site;
	DaemonSpec spec = recipe_surroundings(&site->recipe);
	pid_t pid;

	if (!script_argv(site->start_script, &argv, err))
		return false;
	script_env(site, &env);
	spec.argv = strlist_argv(&argv);
	spec.env = strlist_argv(&env);
	spec.log = start->log;
	if (site->start_directory)
		spec.dir = site->start_directory;
	return proc_daemon(&spec, &pid, &start->pidfd, err);
}

/* Always false: what the script wrote becomes the error, to be wrapped by what happened to it. */
static bool fail_with_log(const Start *start, ErrKind kind, Err *err)
{
	AUTO(free_auto) char *words = log_words_since(start->log, start->log_from, SHOWN_LINES);

	if (words[0])
		return err_fail(err, kind, "it wrote: %s", words);
	return err_fail(err, kind, "it wrote nothing");
}

/* Its script may also have become the server (exec); then it has not ended. */
static bool look_at_script(Start *start, Err *err)
{
	const char *script = start->site->start_script;
	siginfo_t about = {0};

	if (start->ended ||
		waitid((idtype_t)P_PIDFD, (id_t)start->pidfd, &about, WEXITED | WNOHANG) != 0 ||
		about.si_pid == 0)
		return true;
	if (about.si_code != CLD_EXITED) {
		fail_with_log(start, ERR_EXEC, err);
		return err_wrap(
			err, "start script '%s' was ended by signal %d", script, about.si_status);
	}
	if (about.si_status != 0) {
		fail_with_log(start, ERR_EXEC, err);
		return err_wrap(
			err, "start script '%s' failed with status %d", script, about.si_status);
	}
	start->ended = true;
	if (deadline_left_ms(start->deadline) > BACKGROUND_MS)
		start->deadline = deadline_in(BACKGROUND_MS);
	return true;
}

static bool too_late(const Start *start, Err *err)
{
	const char *script = start->site->start_script;

	fail_with_log(start, start->ended ? ERR_EXEC : ERR_TIMEOUT, err);
	if (start->ended)
		return err_wrap(err, "start script '%s' ended and left no server running", script);
	return err_wrap(err, "start script '%s' did not start the server in time", script);
}

static bool wait_for_server(Start *start, Process *ret, Err *err)
{
	for (;;) {
		bool found = false;

		server_find(start->site, ret, &found);
		if (found)
			return true;
		if (signals_pending())
			return err_fail(
				err, ERR_INTERRUPTED, "waiting for the server was interrupted");
		if (!look_at_script(start, err))
			return false;
		if (deadline_left_ms(start->deadline) == 0)
			return too_late(start, err);
		wait_moment(start->ended ? -1 : start->pidfd, TICK_MS);
	}
}

static bool pid_file_is_current(const char *path)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};

	return file_read(path, 64, &text, NULL, &ignored) &&
	       process_read((pid_t)atoi(text), &process, &ignored);
}

/* Whoever stops the server by its pid file must not hit the number of a process long gone. */
static bool renew_pid_file(const Site *site, pid_t pid, Err *err)
{
	const char *path = site->recipe.pid_file;
	AUTO(free_auto) char *text = str_format("%d\n", (int)pid);
	struct stat about;

	if (!path || lstat(path, &about) != 0 || pid_file_is_current(path))
		return true;
	return file_write_text(path, text, about.st_mode & 0777, err) &&
	       file_chown(path, about.st_uid, about.st_gid, err);
}

bool start_script(const Site *site, Err *err)
{
	AUTO(process_clear) Process server = {0};
	AUTO(err_clear) Err pid_file = {0};
	Start start = {
		.site = site,
		.log = site->recipe.log ? site->recipe.log : site->log_file,
		.pidfd = -1,
		.deadline = deadline_in(site->start_timeout_ms),
	};
	bool done;

	start.log_from = log_size(start.log);
	done = launch(&start, err) && wait_for_server(&start, &server, err);
	if (start.pidfd >= 0)
		close(start.pidfd);
	if (done && !renew_pid_file(site, server.pid, &pid_file))
		event_warn_err("pid-file", &pid_file);
	return done;
}

bool start_recipe(const Site *site, Err *err)
{
	AUTO(close_auto) int pidfd = -1;
	pid_t pid;

	return recipe_start(&site->recipe, &pid, &pidfd, err);
}
