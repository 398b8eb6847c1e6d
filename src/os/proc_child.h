/* proc_child.h - the moment between fork and exec, for proc.c and proc_daemon.c only. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "os/proc.h"

/* What the child is before it becomes the program. Everything that allocates or asks a name service
 * has been done by the time this is filled in: after fork only plain system calls are safe. */
typedef struct ChildPlan {
	const char *path; /* of the program; argv[0] may differ */
	const char *const *argv;
	const char *const *env;
	const char *dir;
	int in, out,
		err;     /* descriptors to become 0, 1, 2; -1: /dev/null, for out and err the log */
	const char *log; /* opened by the child, as its user; NULL: /dev/null */
	bool switch_user;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	bool daemon; /* own session and no death signal, else own group and SIGKILL with us */
	bool low_priority;
	const mode_t *umask; /* NULL: ours */
	uint64_t ignored_signals;
	const ProcLimit *limits;
	size_t limit_count;
	ProcPriority priority;
	int keep_fd; /* > 2: the program inherits it */
	int cage_fd; /* > 0: pidfd of a process in the network namespace to enter */
} ChildPlan;

/* Returns once the program runs, or says why it does not. */
bool child_spawn(const ChildPlan *plan, pid_t *ret_pid, int *ret_pidfd, Err *err) NODISCARD;

/* The path of argv[0], looked up in PATH of `env`; NULL when there is none. Caller frees. */
char *child_program(const char *program, const char *const *env);

typedef struct ChildUser {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	char *home;
} ChildUser;
bool child_user_find(const char *name, ChildUser *ret, Err *err) NODISCARD;
void child_user_clear(ChildUser *user);
