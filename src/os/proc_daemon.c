#include "base/fault.h"
#include "os/proc.h"
#include "os/proc_child.h"

bool proc_daemon(const DaemonSpec *spec, pid_t *ret_pid, int *ret_pidfd, Err *err)
{
	static const char *const no_env[] = {NULL};
	AUTO(free_auto) char *path = child_program(spec->argv[0], spec->env);
	AUTO(close_auto) int pidfd = -1;
	ChildPlan plan = {
		.path = path,
		.argv = spec->argv,
		.env = spec->env ? spec->env : no_env,
		.dir = spec->dir,
		.in = -1,
		.out = -1,
		.err = -1,
		.log = spec->log,
		.switch_user = geteuid() == 0,
		.uid = spec->uid,
		.gid = spec->gid,
		.groups = spec->groups,
		.group_count = spec->group_count,
		.daemon = !spec->dies_with_us,
		.cage_fd = spec->cage_fd,
		.keep_fd = spec->keep_fd,
		.umask = &spec->umask,
		.ignored_signals = spec->ignored_signals,
		.limits = spec->limits,
		.limit_count = spec->limit_count,
		.priority = spec->priority,
	};

	if (!path)
		return err_fail(err, ERR_EXEC, "there is no program '%s' in PATH", spec->argv[0]);
	if (!plan.switch_user && spec->uid != geteuid())
		return err_fail(err, ERR_EXEC, "starting '%s' as user number %u needs root", path,
			(unsigned)spec->uid);
	if (!FAULT(err, "daemon-start") || !child_spawn(&plan, ret_pid, &pidfd, err))
		return false;
	if (ret_pidfd) {
		*ret_pidfd = pidfd;
		pidfd = -1;
	}
	return true;
}
