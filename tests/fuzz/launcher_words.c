/* Command lines, names and control groups of other people's processes. One word a line; the first
 * is the name, the second the control group. */
#include "fuzz.h"

#include "adopt/look.h"
#include "base/mem.h"
#include "config/launcher_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *environment = NULL;
	AUTO(free_auto) char *unit = NULL;
	AUTO(free_auto) char *name = NULL;
	bool user_unit = false;

	strlist_split(&argv, text, "\n");
	name = str_dup(argv.len ? argv.items[0] : "");
	launcher_is_waiting(&argv, name);
	owner_supervisor_name(name, &argv);
	if (argv.len > 1) {
		server_in_container(false, argv.items[1]);
		unit = owner_unit_of_cgroup(argv.items[1], &user_unit);
		strlist_remove(&argv, 0);
		strlist_remove(&argv, 0);
	}
	server_argv(&argv);
	FUZZ_MUST(server_port_of_argv(&argv) >= 0 && server_port_of_argv(&argv) <= 65535);
	environment = environment_of_argv(&argv, "/");
	launcher_words_in(&argv);
	launcher_words_strip(&argv);
	return 0;
}
