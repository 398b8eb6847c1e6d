/* proc.h - run another program and wait for it, within a deadline.
 *
 * There is no shell and no default timeout. The child gets its own process group, exactly the
 * environment given, closed descriptors, default signals and the user asked for; it dies with
 * belay (PR_SET_PDEATHSIG). On timeout, or when INT/TERM arrived (signals.h), the whole group gets
 * TERM, then KILL after grace_ms. An EVENT_CHILD with argv (masked), exit and duration is emitted.
 *
 *     const ProcSpec spec = {.argv = ARGV("pg_dump", "--version"), .timeout_ms = 5000};
 *     AUTO(proc_result_clear) ProcResult result = {0};
 *     if (!proc_run(&spec, &result, err)) ... */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct ProcSpec {
	const char *const *argv; /* argv[0] with a slash, or looked up in PATH of `env` */
	/* NULL: belay's own PATH, HOME, LANG, TMPDIR and proxy/TLS settings */
	const char *const *env;
	const char *dir;   /* NULL: "/" */
	const char *user;  /* run as this user (needs root); NULL: as belay itself */
	const char *input; /* written to stdin; NULL: /dev/null, or input_fd */
	int input_fd;      /* used when > 0: the child's stdin; stays open here */
	int output_fd;     /* used when > 0: the child's stdout; stays open here */
	/* stdout and stderr are also appended here (0600), masked; NULL: no */
	const char *log_file;
	/* Each complete line of either stream, without newline, masked, at most 4 KiB of it. */
	void (*on_line)(void *arg, bool is_stderr, const char *line);
	/* Called at least every second while it runs; false ends it (err as for a timeout). */
	bool (*on_tick)(void *arg, Err *err);
	void *arg;
	size_t capture_max;  /* keep so much of stdout (0: 64 KiB) */
	int64_t timeout_ms;  /* required */
	int64_t grace_ms;    /* 0: 3000 */
	bool exit_is_answer; /* a non-zero exit is data for the caller, not an error */
	bool quiet;          /* no EVENT_CHILD: questions asked many times */
	bool low_priority;   /* nice 19, idle IO class */
	bool ignore_signals; /* INT and TERM do not cut it short: undo, restart */
	int cage_fd; /* used when > 0: a pidfd, whose network namespace the program runs in */
} ProcSpec;

typedef struct ProcResult {
	int exit_code; /* -1 when a signal ended it */
	int signal;
	char *out;      /* NUL-terminated stdout, "" when it went to output_fd */
	char *err_tail; /* the last 4 KiB of stderr, masked */
	int64_t ms;
	int64_t max_rss_kb;
} ProcResult;

/* A program that is missing, ends by signal, times out, or (unless exit_is_answer) exits non-zero
 * is an error that names the program and shows the last line of stderr. */
bool proc_run(const ProcSpec *spec, ProcResult *ret, Err *err) NODISCARD;
void proc_result_clear(ProcResult *result);

/* The same for a child whose stdout is read by the caller while it runs: proc_start gives the
 * reading end; proc_finish (always call it) closes it, waits and judges as proc_run does.
 * With `spec->output_fd < 0` instead, *ret_pipe is the writing end of the child's stdin. The
 * deadline and signals hold meanwhile; on_line and log_file get everything in proc_finish, on_tick
 * is not called. */
typedef struct ProcRunning ProcRunning;
bool proc_start(const ProcSpec *spec, ProcRunning **ret, int *ret_pipe, Err *err) NODISCARD;
bool proc_finish(ProcRunning *running, ProcResult *ret, Err *err) NODISCARD;

/* Start a server that outlives belay: own session, no death signal. stdout and stderr are appended
 * to `log` (created 0600 as the user; NULL: /dev/null). */
/* What the kernel prefers a process by, as /proc/PID has it. */
typedef struct ProcPriority {
	bool known;
	int nice;
	int oom_score_adj;
} ProcPriority;

typedef struct DaemonSpec {
	const char *const *argv;
	const char *const *env;
	const char *dir;
	const char *log;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	mode_t umask;
	uint64_t ignored_signals; /* bit N-1: signal N is ignored, as in /proc/PID/status SigIgn */
	const struct ProcLimit *limits;
	size_t limit_count;
	ProcPriority priority; /* as far as we may; not known: ours */
	bool dies_with_us;     /* no daemon after all: own process group, killed when belay ends */
	int cage_fd;           /* as in ProcSpec */
	int keep_fd; /* used when > 2: a descriptor the program inherits, under the same number */
} DaemonSpec;
typedef struct ProcLimit {
	int resource;        /* RLIMIT_* */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
} ProcLimit;
/* An exec that fails is an error here. ret_pidfd may be NULL. */
bool proc_daemon(const DaemonSpec *spec, pid_t *ret_pid, int *ret_pidfd, Err *err) NODISCARD;

/* Enter the network namespace of the process of a pidfd, and its user namespace where only that
 * gives the right to. For a child that was forked and has one thread. */
bool child_enter_cage(int cage_fd);

/* Full path of a program in PATH (or in `path`), NULL when there is none. */
char *proc_find(const char *program, const char *path);

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
