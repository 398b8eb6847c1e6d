/* process_dir.h - reading /proc/PID, for the files of process_table.h only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Tests: another folder with the shape of /proc; NULL goes back to the real one. */
void proc_use_root(const char *folder);
char *proc_path(pid_t pid, const char *name); /* caller frees */
/* At most `max` bytes, NUL-terminated; NULL when it may not be read. ret_len may be NULL. */
char *proc_file(pid_t pid, const char *name, size_t max, size_t *ret_len);
char *proc_link(pid_t pid, const char *name); /* what a link in it points to, or NULL */
void proc_pids(bool (*each)(void *arg, pid_t pid), void *arg);

typedef struct ProcStat {
	pid_t parent;
	uint64_t start_ticks;
	uint64_t cpu_ticks;
	int nice;
} ProcStat;
bool proc_stat(pid_t pid, ProcStat *ret); /* false: gone, or a zombie */
