/* /proc of a process that another user made: names, arguments, limits, maps, sockets. One input is
 * several files, in the order of `files`. */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "os/proc.h"
#include "os/process_dir.h"
#include "os/process_table.h"

#define PID 42

static const char *const files[] = {"stat", "status", "cmdline", "environ", "cgroup", "limits",
	"maps", "net/tcp", "net/tcp6", "smaps_rollup"};

static void write_all_files(const StrList *parts)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		AUTO(free_auto) char *name = str_format("%d/%s", PID, files[i]);
		const size_t len = strlen(parts->items[i]);
		AUTO(free_auto) char *content = str_dup(parts->items[i]);

		/* The kernel separates words by NUL. */
		for (char *c = content; i == 2 || i == 3 ? *c : 0; c++)
			if (*c == '\n')
				*c = '\0';
		free(fuzz_file(name, content, len));
	}
}

static void make_links(void)
{
	static bool made;
	AUTO(free_auto) char *folder = fuzz_path("42/fd");
	AUTO(free_auto) char *link = fuzz_path("42/fd/3");

	if (made)
		return;
	made = true;
	FUZZ_MUST(mkdir(folder, 0700) == 0 && symlink("socket:[4711]", link) == 0);
}

static void ask_all(void)
{
	AUTO(process_clear) Process process = {0};
	AUTO(free_auto) ProcLimit *limits = NULL;
	AUTO(free_auto) int *ports = NULL;
	AUTO(free_auto) char *address = NULL;
	AUTO(strlist_clear) StrList maps = {0};
	AUTO(err_clear) Err err = {0};
	size_t count = 0;

	if (process_read(PID, &process, &err))
		FUZZ_MUST(process.cgroup && process.pid == PID);
	err_clear(&err);
	if (process_limits(PID, &limits, &count, &err))
		FUZZ_MUST(limits);
	err_clear(&err);
	if (process_maps(PID, ".so", 8, &maps, &err))
		FUZZ_MUST(maps.len <= 8);
	process_pss_kb(PID);
	process_cpu_ms(PID);
	process_is_descendant(PID, 1);
	count = process_ports(PID, &ports, &address);
	for (size_t i = 0; i < count; i++)
		FUZZ_MUST(ports[i] >= 0 && ports[i] <= 65535);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(strlist_clear) StrList parts = {0};

	fuzz_parts(bytes, len, COUNT_OF(files), &parts);
	write_all_files(&parts);
	make_links();
	proc_use_root(fuzz_folder());
	ask_all();
	proc_use_root(NULL);
	return 0;
}
