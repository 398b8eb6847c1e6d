/* process_table.h - the processes of this machine, read from /proc, and watched by pidfd. Processes
 * are ended only by a pidfd that was opened while their identity was known, never by name. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "os/proc.h"

typedef struct Process {
	pid_t pid, parent;
	uid_t uid; /* effective */
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	uint64_t start_ticks; /* with the pid: an identity that is not re-used */
	char *exe;            /* NULL where it may not be read */
	char *name;           /* comm */
	StrList argv;
	StrList env;  /* empty where it may not be read */
	char *dir;    /* working directory */
	char *cgroup; /* the unified path, "" if none */
	/* What descriptors 1 and 2 are: a path, "socket:[…]", "/dev/null" */
	char *stdout_path, *stderr_path;
	mode_t umask;
	uint64_t ignored_signals;
	ProcPriority priority;
	bool other_namespace; /* lives in another mount or PID namespace (a container) */
} Process;

/* ERR_VERIFY when there is no such process (any more). */
bool process_read(pid_t pid, Process *ret, Err *err) NODISCARD;
void process_clear(Process *process);
/* Every process whose argv can be read; `each` returns false to stop. A process that goes away
 * meanwhile is left out. */
void process_each(bool (*each)(void *arg, const Process *process), void *arg);
/* Soft and hard limits of a process as ProcLimit (proc.h); *ret is allocated. */
struct ProcLimit;
bool process_limits(pid_t pid, struct ProcLimit **ret, size_t *ret_count, Err *err) NODISCARD;

/* Who listens on a TCP port of this network namespace (IPv4 or IPv6). 0: nobody; -1: somebody whose
 * pid may not be seen. Several: the one with the smallest pid. */
pid_t process_listening_on(int port);
/* The ports that a process listens on, in *ret (allocated, ascending). `address` may be NULL; else
 * it is set to the address of the first, "0.0.0.0", "127.0.0.1", "::" … (allocated). */
size_t process_ports(pid_t pid, int **ret, char **address);
bool process_is_descendant(pid_t pid, pid_t ancestor); /* or the same */

/* pidfd of (pid, start_ticks); -1 with errno ESRCH when it is another process or gone. */
int process_open(pid_t pid, uint64_t start_ticks);
bool process_alive(int pidfd);
/* TERM, wait up to term_ms, KILL, wait up to 5 s. ERR_TIMEOUT when it is still there. */
bool process_end(int pidfd, int64_t term_ms, Err *err) NODISCARD;
/* Every process that is meant: one after the other, also those that they start meanwhile.
 * ERR_REFUSED when there is no end of them. */
bool process_end_all(bool (*is_meant)(const char *path, const Process *process), const char *path,
	int64_t term_ms, Err *err) NODISCARD;
bool process_wait_gone(int pidfd, int64_t ms); /* true: gone */
/* Paths of files mapped executable that end with `suffix`, at most `max`. */
bool process_maps(pid_t pid, const char *suffix, size_t max, StrList *ret, Err *err) NODISCARD;
int64_t process_pss_kb(pid_t pid);  /* 0 when unknown */
int64_t process_peak_kb(pid_t pid); /* of its resident memory so far; likewise */
/* When a process with these start_ticks began, as clock_wall_ms() would have told, to 10 ms. */
int64_t process_began_ms(uint64_t start_ticks);
/* CPU time used so far by a process and everything below it: whether something moves. */
int64_t process_cpu_ms(pid_t pid);
