#include "os/process_table.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"
#include "os/process_dir.h"

/* The kernel gives arguments and environment 6 MiB together. Less here would be a recipe without
 * its last variables, and the server would be started on another database. */
#define ARGV_MAX   (8 * 1024 * 1024)
#define ENV_MAX    (8 * 1024 * 1024)
#define STATUS_MAX (64 * 1024)
#define MAPS_MAX   (64 * 1024 * 1024)

static const char *root = "/proc";

void proc_use_root(const char *folder)
{
	root = folder ? folder : "/proc";
}

char *proc_path(pid_t pid, const char *name)
{
	return str_format("%s/%d/%s", root, (int)pid, name);
}

char *proc_file(pid_t pid, const char *name, size_t max, size_t *ret_len)
{
	AUTO(free_auto) char *path = proc_path(pid, name);
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(text_clear) Text text = TEXT_INIT(max);
	char bytes[16384];
	ssize_t got;

	if (fd < 0)
		return NULL;
	while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
		if (got > 0)
			text_add_bytes(&text, bytes, (size_t)got);
		if (text.truncated)
			break;
	}
	if (got < 0)
		return NULL;
	if (ret_len)
		*ret_len = text.len;
	return text_take(&text);
}

char *proc_link(pid_t pid, const char *name)
{
	AUTO(free_auto) char *path = proc_path(pid, name);
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof target - 1);

	return len < 0 ? NULL : str_dup_n(target, (size_t)len);
}

void proc_pids(bool (*each)(void *arg, pid_t pid), void *arg)
{
	DIR *folder = opendir(root);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (isdigit((unsigned char)entry->d_name[0]) &&
			!each(arg, (pid_t)strtol(entry->d_name, NULL, 10)))
			break;
	}
	if (folder)
		closedir(folder);
}

bool proc_stat(pid_t pid, ProcStat *ret)
{
	AUTO(free_auto) char *text = proc_file(pid, "stat", 4096, NULL);
	/* The name stands in brackets and may itself hold brackets and spaces. */
	char *rest = text ? strrchr(text, ')') : NULL;
	unsigned long long utime, stime, start;
	char state;
	int parent, nice;

	if (!rest || sscanf(rest,
			     ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %d "
			     "%*d %*d %llu",
			     &state, &parent, &utime, &stime, &nice, &start) != 6)
		return false;
	/* A zombie is only waiting for its parent to take note: for us it is gone. */
	if (state == 'Z' || state == 'X')
		return false;
	*ret = (ProcStat){
		.parent = parent, .start_ticks = start, .cpu_ticks = utime + stime, .nice = nice};
	return true;
}

static void split_zeros(const char *bytes, size_t len, StrList *ret)
{
	for (size_t at = 0; at < len; at += strlen(bytes + at) + 1)
		strlist_add(ret, bytes + at);
}

static const char *status_line(const char *status, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	}
	return NULL;
}

static void read_groups(const char *line, Process *ret)
{
	char *end;

	for (; line; line = end) {
		unsigned long group = strtoul(line, &end, 10);

		if (end == line || memchr(line, '\n', (size_t)(end - line)))
			break;
		ret->groups = mem_resize(ret->groups, ret->group_count + 1, sizeof(gid_t));
		ret->groups[ret->group_count++] = (gid_t)group;
	}
}

static bool read_status(pid_t pid, Process *ret)
{
	AUTO(free_auto) char *status = proc_file(pid, "status", STATUS_MAX, NULL);
	const char *line;
	unsigned number;

	if (!status)
		return false;
	if ((line = status_line(status, "Uid")) && sscanf(line, "%*u %u", &number) == 1)
		ret->uid = number;
	if ((line = status_line(status, "Gid")) && sscanf(line, "%*u %u", &number) == 1)
		ret->gid = number;
	if ((line = status_line(status, "Umask")))
		ret->umask = (mode_t)strtoul(line, NULL, 8);
	if ((line = status_line(status, "SigIgn")))
		ret->ignored_signals = strtoull(line, NULL, 16);
	if ((line = status_line(status, "Name"))) {
		AUTO(free_auto) char *name = str_dup_n(line, strcspn(line, "\n"));

		ret->name = str_dup(str_trim(name));
	}
	read_groups(status_line(status, "Groups"), ret);
	return true;
}

/* "0::/system.slice/x.service"; on a host with the old hierarchies the one named systemd. */
static char *read_cgroup(pid_t pid)
{
	AUTO(free_auto) char *text = proc_file(pid, "cgroup", STATUS_MAX, NULL);
	AUTO(strlist_clear) StrList lines = {0};
	const char *found = "";

	strlist_split(&lines, text ? text : "", "\n");
	for (size_t i = 0; i < lines.len; i++) {
		const char *colon = strchr(lines.items[i], ':');

		if (str_starts(lines.items[i], "0::") ||
			(colon && str_starts(colon, ":name=systemd:") && !found[0]))
			found = strchr(colon + 1, ':') + 1;
	}
	return str_dup(found);
}

static bool same_namespace(pid_t pid, const char *which)
{
	AUTO(free_auto) char *theirs = proc_link(pid, which);
	AUTO(free_auto) char *ours = proc_link(getpid(), which);

	return !theirs || !ours || str_is(theirs, ours);
}

static ProcPriority read_priority(pid_t pid, int nice)
{
	AUTO(free_auto) char *adjusted = proc_file(pid, "oom_score_adj", 64, NULL);

	return (ProcPriority){.known = adjusted != NULL,
		.nice = nice,
		.oom_score_adj = adjusted ? atoi(adjusted) : 0};
}

bool process_read(pid_t pid, Process *ret, Err *err)
{
	AUTO(process_clear) Process found = {.pid = pid};
	AUTO(free_auto) char *argv = NULL;
	AUTO(free_auto) char *env = NULL;
	ProcStat before, after;
	size_t len = 0;

	if (pid <= 0 || !proc_stat(pid, &before) || !read_status(pid, &found))
		return err_fail(err, ERR_VERIFY, "there is no process %d", (int)pid);
	found.parent = before.parent;
	found.start_ticks = before.start_ticks;
	argv = proc_file(pid, "cmdline", ARGV_MAX, &len);
	split_zeros(argv ? argv : "", argv ? len : 0, &found.argv);
	env = proc_file(pid, "environ", ENV_MAX, &len);
	split_zeros(env ? env : "", env ? len : 0, &found.env);
	found.priority = read_priority(pid, before.nice);
	found.exe = proc_link(pid, "exe");
	found.dir = proc_link(pid, "cwd");
	found.cgroup = read_cgroup(pid);
	found.stdout_path = proc_link(pid, "fd/1");
	found.stderr_path = proc_link(pid, "fd/2");
	found.other_namespace = !same_namespace(pid, "ns/mnt") || !same_namespace(pid, "ns/pid");
	/* All of the above belongs to one process only if it is still the same one. */
	if (!proc_stat(pid, &after) || after.start_ticks != before.start_ticks)
		return err_fail(err, ERR_VERIFY, "there is no process %d", (int)pid);
	*ret = found;
	found = (Process){0};
	return true;
}

void process_clear(Process *process)
{
	free(process->groups);
	free(process->exe);
	free(process->name);
	strlist_clear(&process->argv);
	strlist_clear(&process->env);
	free(process->dir);
	free(process->cgroup);
	free(process->stdout_path);
	free(process->stderr_path);
	*process = (Process){0};
}

typedef struct EachArg {
	bool (*each)(void *arg, const Process *process);
	void *arg;
} EachArg;

static bool each_pid(void *arg, pid_t pid)
{
	const EachArg *outer = arg;
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!process_read(pid, &process, &ignored) || process.argv.len == 0)
		return true;
	return outer->each(outer->arg, &process);
}

void process_each(bool (*each)(void *arg, const Process *process), void *arg)
{
	EachArg inner = {.each = each, .arg = arg};

	proc_pids(each_pid, &inner);
}

static const struct {
	const char *name; /* as /proc/PID/limits calls it */
	int resource;
} limit_names[] = {
	{"Max cpu time", RLIMIT_CPU},
	{"Max file size", RLIMIT_FSIZE},
	{"Max data size", RLIMIT_DATA},
	{"Max stack size", RLIMIT_STACK},
	{"Max core file size", RLIMIT_CORE},
	{"Max resident set", RLIMIT_RSS},
	{"Max processes", RLIMIT_NPROC},
	{"Max open files", RLIMIT_NOFILE},
	{"Max locked memory", RLIMIT_MEMLOCK},
	{"Max address space", RLIMIT_AS},
	{"Max file locks", RLIMIT_LOCKS},
	{"Max pending signals", RLIMIT_SIGPENDING},
	{"Max msgqueue size", RLIMIT_MSGQUEUE},
	{"Max nice priority", RLIMIT_NICE},
	{"Max realtime priority", RLIMIT_RTPRIO},
	{"Max realtime timeout", RLIMIT_RTTIME},
};

static uint64_t limit_value(const char *text)
{
	return str_starts(text, "unlimited") ? UINT64_MAX : strtoull(text, NULL, 10);
}

bool process_limits(pid_t pid, ProcLimit **ret, size_t *ret_count, Err *err)
{
	AUTO(free_auto) char *text = proc_file(pid, "limits", STATUS_MAX, NULL);
	AUTO(free_auto) ProcLimit *limits = mem_new(COUNT_OF(limit_names), sizeof *limits);
	size_t count = 0;

	if (!text || !text[0])
		return err_fail(
			err, ERR_VERIFY, "the limits of process %d cannot be read", (int)pid);
	for (size_t i = 0; i < COUNT_OF(limit_names); i++) {
		const char *line = strstr(text, limit_names[i].name);
		char soft[32], hard[32];

		if (!line ||
			sscanf(line + strlen(limit_names[i].name), "%31s %31s", soft, hard) != 2)
			continue;
		limits[count++] = (ProcLimit){.resource = limit_names[i].resource,
			.soft = limit_value(soft),
			.hard = limit_value(hard)};
	}
	*ret = TAKE(limits);
	*ret_count = count;
	return true;
}

bool process_is_descendant(pid_t pid, pid_t ancestor)
{
	ProcStat about;

	/* The limit only matters if numbers are re-used into a ring while we look. */
	for (int depth = 0; depth < 1024 && pid > 0; depth++) {
		if (pid == ancestor)
			return true;
		if (!proc_stat(pid, &about))
			return false;
		pid = about.parent;
	}
	return false;
}

bool process_maps(pid_t pid, const char *suffix, size_t max, StrList *ret, Err *err)
{
	AUTO(free_auto) char *text = proc_file(pid, "maps", MAPS_MAX, NULL);
	AUTO(strlist_clear) StrList found = {0};
	char *next = NULL;

	if (!text || !text[0])
		return err_fail(
			err, ERR_VERIFY, "the memory map of process %d cannot be read", (int)pid);
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		const char *path = strchr(line, '/');
		char rights[5] = "";

		if (!path || sscanf(line, "%*s %4s", rights) != 1 || !strchr(rights, 'x'))
			continue;
		if (str_ends(path, suffix) && !strlist_has(&found, path) && found.len < max)
			strlist_add(&found, path);
	}
	*ret = found;
	found = (StrList){0};
	return true;
}

int64_t process_pss_kb(pid_t pid)
{
	AUTO(free_auto) char *text = proc_file(pid, "smaps_rollup", STATUS_MAX, NULL);
	const char *line = text ? status_line(text, "Pss") : NULL;

	return line ? strtoll(line, NULL, 10) : 0;
}

int64_t process_peak_kb(pid_t pid)
{
	AUTO(free_auto) char *text = proc_file(pid, "status", STATUS_MAX, NULL);
	const char *line = text ? status_line(text, "VmHWM") : NULL;

	return line ? strtoll(line, NULL, 10) : 0;
}

/* Not from /proc/stat's btime, which is rounded to a second; nor from the times of /proc/PID, which
 * are those of somebody's first look at it. */
int64_t process_began_ms(uint64_t start_ticks)
{
	struct timespec up;
	int64_t began = (int64_t)(start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));

	clock_gettime(CLOCK_BOOTTIME, &up);
	return clock_wall_ms() - ((int64_t)up.tv_sec * 1000 + up.tv_nsec / 1000000 - began);
}

typedef struct CpuSum {
	pid_t root;
	uint64_t ticks;
} CpuSum;

static bool add_cpu(void *arg, pid_t pid)
{
	CpuSum *sum = arg;
	ProcStat about;

	if (process_is_descendant(pid, sum->root) && proc_stat(pid, &about))
		sum->ticks += about.cpu_ticks;
	return true;
}

int64_t process_cpu_ms(pid_t pid)
{
	CpuSum sum = {.root = pid};

	proc_pids(add_cpu, &sum);
	return (int64_t)(sum.ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}
