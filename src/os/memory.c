#include "os/memory.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define CGROUPS      "/sys/fs/cgroup"
#define SMALL_MAX    (64 * 1024)
#define ANCESTOR_MAX 32

/* The number behind `label`, as in "MemAvailable:  123 kB"; -1 when there is none. */
static int64_t number_after(const char *path, const char *label)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *text = NULL;
	const char *found;
	char *end;
	int64_t number;

	if (!file_read(path, SMALL_MAX, &text, NULL, &ignored))
		return -1;
	found = strstr(text, label);
	if (!found)
		return -1;
	number = strtoll(found + strlen(label), &end, 10);
	return end == found + strlen(label) ? -1 : number;
}

/* Page cache counts as used, but gives way. */
static int64_t group_leaves_kb(const char *folder)
{
	AUTO(free_auto) char *max_file = path_join(folder, "memory.max");
	AUTO(free_auto) char *current_file = path_join(folder, "memory.current");
	AUTO(free_auto) char *stat_file = path_join(folder, "memory.stat");
	const int64_t max = number_after(max_file, ""), current = number_after(current_file, "");
	const int64_t cache = number_after(stat_file, "inactive_file ");

	if (max < 0 || current < 0)
		return INT64_MAX;
	return (max - current + (cache > 0 ? cache : 0)) / 1024;
}

static char *own_group(void)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *text = NULL;
	char *path;

	if (!file_read("/proc/self/cgroup", SMALL_MAX, &text, NULL, &ignored))
		return NULL;
	path = strstr(text, "0::/");
	if (!path)
		return NULL;
	path += strlen("0::");
	path[strcspn(path, "\n")] = '\0';
	return str_format("%s%s", CGROUPS, path);
}

int64_t memory_available_kb(void)
{
	const int64_t machine = number_after("/proc/meminfo", "MemAvailable:");
	int64_t least = machine < 0 ? INT64_MAX : machine;
	AUTO(free_auto) char *group = own_group();

	for (int i = 0; group && i < ANCESTOR_MAX && path_below(group, CGROUPS); i++) {
		const int64_t leaves = group_leaves_kb(group);
		char *above = path_folder(group);

		if (leaves < least)
			least = leaves;
		free(group);
		group = above;
	}
	return least;
}
