#include "os/proc_child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/list.h"
#include "base/mem.h"

#define START_LIMIT_MS 30000 /* a working directory on a dead network mount never answers */
/* With the lowest priority the fork alone took 30 s beside eight busy programs on two cores. */
#define IDLE_START_LIMIT_MS 300000

typedef enum {
	STAGE_EXEC,
	STAGE_DIR,
	STAGE_USER,
	STAGE_LOG,
	STAGE_STREAMS,
	STAGE_GONE,
	STAGE_CAGE
} Stage;

typedef struct Failure {
	int stage;
	int sys;
} Failure;

static void child_fail(int report, Stage stage) __attribute__((noreturn));
static void child_fail(int report, Stage stage)
{
	const Failure failure = {.stage = stage, .sys = errno};

	if (write(report, &failure, sizeof failure) < 0)
		_exit(126);
	_exit(127);
}

static void child_signals(uint64_t ignored)
{
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action = {.sa_handler = SIG_DFL};

		if (number <= 64 && (ignored >> (number - 1) & 1))
			action.sa_handler = SIG_IGN;
		sigaction(number, &action, NULL);
	}
}

/* A limit above what we may ask for is taken as far as it goes: a server that was started with more
 * files than the operator's shell allows is better up with fewer than not up. */
static void child_limits(const ProcLimit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rlimit wanted = {.rlim_cur = limits[i].soft, .rlim_max = limits[i].hard};
		struct rlimit now;

		if (setrlimit((__rlimit_resource_t)limits[i].resource, &wanted) == 0)
			continue;
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) != 0)
			continue;
		if (wanted.rlim_cur > now.rlim_max)
			wanted.rlim_cur = now.rlim_max;
		wanted.rlim_max = now.rlim_max;
		setrlimit((__rlimit_resource_t)limits[i].resource, &wanted);
	}
}

bool child_enter_cage(int cage_fd)
{
	if (setns(cage_fd, CLONE_NEWNET) == 0)
		return true;
	return errno == EPERM && setns(cage_fd, CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static bool child_become(const ChildPlan *plan)
{
	if (!plan->switch_user)
		return true;
	return setgroups(plan->group_count, plan->groups) == 0 &&
	       setresgid(plan->gid, plan->gid, plan->gid) == 0 &&
	       setresuid(plan->uid, plan->uid, plan->uid) == 0;
}

/* Everything is first moved above 2, so that no dup2 overwrites a descriptor still needed. */
static int child_lift(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int child_output(const ChildPlan *plan, int report)
{
	const char *path = plan->log ? plan->log : "/dev/null";
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		child_fail(report, STAGE_LOG);
	return fd;
}

static void child_streams(const ChildPlan *plan, int report)
{
	int in = plan->in, out = plan->out, err = plan->err;

	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (out < 0)
		out = child_output(plan, report);
	if (err < 0)
		err = plan->out < 0 ? out : child_output(plan, report);
	in = child_lift(in);
	out = child_lift(out);
	err = child_lift(err);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		child_fail(report, STAGE_STREAMS);
}

static void child_seal_all(void)
{
	if (syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */) == 0)
		return;
	for (int fd = 3; fd < 4096; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void child_seal_descriptors(int keep_fd)
{
	child_seal_all();
	if (keep_fd > 2)
		fcntl(keep_fd, F_SETFD, 0);
}

static void child_priority(void)
{
	const int process = 1, idle_class = 3 << 13;

	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, process, 0, idle_class);
}

/* Like the limits: what we may not ask for stays as ours is. */
static void child_preference(const ProcPriority *priority)
{
	char digits[8];
	int left = priority->oom_score_adj < 0 ? -priority->oom_score_adj : priority->oom_score_adj;
	size_t at = sizeof digits;
	int fd;

	setpriority(PRIO_PROCESS, 0, priority->nice);
	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0 && at > 1);
	if (priority->oom_score_adj < 0)
		digits[--at] = '-';
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, digits + at, sizeof digits - at) >= 0)
		close(fd);
}

static void child_main(const ChildPlan *plan, int report, pid_t parent) __attribute__((noreturn));
static void child_main(const ChildPlan *plan, int report, pid_t parent)
{
	sigset_t none;

	report = child_lift(report);
	if (plan->daemon)
		setsid();
	else
		setpgid(0, 0);
	if (plan->low_priority)
		child_priority();
	child_limits(plan->limits, plan->limit_count);
	if (plan->priority.known)
		child_preference(&plan->priority);
	if (plan->cage_fd > 0 && !child_enter_cage(plan->cage_fd))
		child_fail(report, STAGE_CAGE);
	if (!child_become(plan))
		child_fail(report, STAGE_USER);
	/* After the change of user, which clears it; our death in between shows as another parent.
	 */
	if (!plan->daemon && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent)
		child_fail(report, STAGE_GONE);
	if (plan->umask)
		umask(*plan->umask);
	if (chdir(plan->dir ? plan->dir : "/") != 0)
		child_fail(report, STAGE_DIR);
	child_streams(plan, report);
	child_seal_descriptors(plan->keep_fd);
	child_signals(plan->ignored_signals);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(plan->path, (char *const *)plan->argv, (char *const *)plan->env);
	child_fail(report, STAGE_EXEC);
}

static bool spawn_failed(const ChildPlan *plan, const Failure *failure, Err *err)
{
	errno = failure->sys;
	switch ((Stage)failure->stage) {
	case STAGE_DIR:
		err_fail_sys(err, "cannot start '%s' in folder '%s'", plan->path,
			plan->dir ? plan->dir : "/");
		break;
	case STAGE_USER:
		err_fail_sys(err, "cannot start '%s' as user number %u", plan->path,
			(unsigned)plan->uid);
		break;
	case STAGE_LOG:
		err_fail_sys(err, "cannot start '%s': log file '%s'", plan->path,
			plan->log ? plan->log : "/dev/null");
		break;
	case STAGE_CAGE:
		err_fail_sys(err, "cannot start '%s' without network", plan->path);
		break;
	default:
		err_fail_sys(err, "cannot start '%s'", plan->path);
	}
	err->kind = ERR_EXEC;
	return false;
}

/* Ours is that of the thread: background.h. */
static int start_limit_ms(const ChildPlan *plan)
{
	return plan->low_priority || getpriority(PRIO_PROCESS, 0) > 0 ? IDLE_START_LIMIT_MS
								      : START_LIMIT_MS;
}

/* End of file means that exec closed the pipe: the program runs. */
static bool spawn_confirm(const ChildPlan *plan, pid_t pid, int report, Err *err)
{
	struct pollfd wait = {.fd = report, .events = POLLIN};
	const int limit_ms = start_limit_ms(plan);
	Failure failure;
	ssize_t got;
	int ready;

	do
		ready = poll(&wait, 1, limit_ms);
	while (ready < 0 && errno == EINTR);
	if (ready == 0) {
		kill(pid, SIGKILL);
		return err_fail(err, ERR_TIMEOUT, "'%s' could not be started within %d s",
			plan->path, limit_ms / 1000);
	}
	do
		got = read(report, &failure, sizeof failure);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof failure)
		return true;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return spawn_failed(plan, &failure, err);
}

bool child_spawn(const ChildPlan *plan, pid_t *ret_pid, int *ret_pidfd, Err *err)
{
	AUTO(close_auto) int report = -1;
	AUTO(close_auto) int pidfd = -1;
	const pid_t parent = getpid();
	int ends[2];
	sigset_t all, before;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_fail_sys(err, "cannot start '%s'", plan->path);
	report = ends[0];
	/* Our handlers must not run in the child between fork and the reset to defaults. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_main(plan, ends[1], parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0)
		return err_fail_sys(err, "cannot start '%s'", plan->path);
	if (!plan->daemon)
		setpgid(pid, pid);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (!spawn_confirm(plan, pid, report, err))
		return false;
	if (pidfd < 0) {
		kill(pid, SIGKILL);
		return err_fail_sys(
			err, "cannot watch '%s' (Linux 5.3 or newer is needed)", plan->path);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	pidfd = -1;
	return true;
}

char *proc_find(const char *program, const char *path)
{
	AUTO(strlist_clear) StrList folders = {0};

	if (strchr(program, '/'))
		return access(program, X_OK) == 0 ? str_dup(program) : NULL;
	if (!path)
		path = getenv("PATH");
	strlist_split(&folders, path ? path : "/usr/local/bin:/usr/bin:/bin", ":");
	for (size_t i = 0; i < folders.len; i++) {
		AUTO(free_auto) char *full = str_format("%s/%s", folders.items[i], program);
		struct stat about;

		if (full[0] == '/' && stat(full, &about) == 0 && S_ISREG(about.st_mode) &&
			access(full, X_OK) == 0)
			return TAKE(full);
	}
	return NULL;
}

char *child_program(const char *program, const char *const *env)
{
	if (strchr(program, '/'))
		return str_dup(program);
	for (; env && *env; env++) {
		if (strncmp(*env, "PATH=", strlen("PATH=")) == 0)
			return proc_find(program, *env + strlen("PATH="));
	}
	return proc_find(program, NULL);
}

bool child_user_find(const char *name, ChildUser *ret, Err *err)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;
	int count = 64;

	if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
		return err_fail(err, ERR_CONFIG, "there is no user '%s' on this machine", name);
	*ret = (ChildUser){
		.uid = entry.pw_uid,
		.gid = entry.pw_gid,
		.groups = mem_new((size_t)count, sizeof(gid_t)),
		.home = str_dup(entry.pw_dir),
	};
	if (getgrouplist(name, entry.pw_gid, ret->groups, &count) < 0) {
		ret->groups = mem_resize(ret->groups, (size_t)count, sizeof(gid_t));
		if (getgrouplist(name, entry.pw_gid, ret->groups, &count) < 0)
			count = 0;
	}
	ret->group_count = (size_t)count;
	return true;
}

void child_user_clear(ChildUser *user)
{
	free(user->groups);
	free(user->home);
	*user = (ChildUser){0};
}
