#include "config/system_python.h"

#include "base/text.h"
#include "unit.h"

#include "scratch.h"

#define ENV "/srv/webui/openwebui-env"

static void start_scripts_are_read_as_a_shell_would_run_them(void **state UNUSED)
{
	static const struct {
		const char *text;
		ScriptPath is;
	} cases[] = {
		{"open-webui serve\n", SCRIPT_WITHOUT},
		{"", SCRIPT_WITHOUT},
		{"PATH=" ENV "/bin:$PATH; export PATH\nopen-webui serve\n", SCRIPT_WITH},
		{"export PATH=\"" ENV "/bin:$PATH\"\nnohup open-webui serve &\n", SCRIPT_WITH},
		{"exec env PATH=" ENV "/bin:$PATH open-webui serve\n", SCRIPT_WITH},
		{"exec " ENV "/bin/open-webui serve\n", SCRIPT_WITH},
		{"# PATH=" ENV "/bin:$PATH; export PATH\nopen-webui serve\n", SCRIPT_WITHOUT},
		{"PATH=/elsewhere/bin:$PATH\nopen-webui serve\n", SCRIPT_WITHOUT},
		/* too late */
		{"open-webui serve &\nPATH=" ENV "/bin:$PATH; export PATH\n", SCRIPT_WITHOUT},
		{"python3 -m open_webui serve &\nPATH=" ENV "/bin:$PATH\n", SCRIPT_WITHOUT},
		/* PATH is not asked */
		{"PATH=" ENV "/bin:$PATH\n/usr/local/bin/open-webui serve\n", SCRIPT_NAMES_OTHER},
		{"PATH=" ENV "/bin:$PATH\n~/.local/bin/open-webui serve\n", SCRIPT_NAMES_OTHER},
		{"PATH=" ENV "/bin:$PATH\nexec \"$HOME/.local/bin/open-webui\" serve\n",
			SCRIPT_NAMES_OTHER},
		/* folders and files that only look like it */
		{"cd /opt/open-webui\nPATH=" ENV
		 "/bin:$PATH\nopen-webui serve >>/var/log/open-webui.log",
			SCRIPT_WITH},
		{"ls /usr/bin/open-webui-old\nPATH=" ENV "/bin:$PATH\nopen-webui serve",
			SCRIPT_WITH},
		{"  # was: /usr/local/bin/open-webui serve\nPATH=" ENV
		 "/bin:$PATH\nopen-webui serve",
			SCRIPT_WITH},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (script_path_look(cases[i].text, ENV) != cases[i].is)
			fail_msg("case %zu: %s", i, cases[i].text);
}

static void the_line_that_is_asked_for_is_accepted(void **state UNUSED)
{
	char environment[] = ENV;
	const Site site = {.environment = environment};
	AUTO(free_auto) char *line = system_path_line(&site);
	AUTO(free_auto) char *script = str_format("%s\nopen-webui serve\n", line);

	assert_string_equal(line, "PATH=" ENV "/bin:$PATH; export PATH");
	assert_int_equal(script_path_look(script, ENV), SCRIPT_WITH);
}

static void packages_are_found_for_the_program_and_its_interpreter(void **state UNUSED)
{
	static const struct {
		const char *folder, *other, *python, *found;
	} cases[] = {
		{"lib/python3.11/dist-packages", NULL, "python3.11",
			"lib/python3.11/dist-packages"},
		{"lib/python3.11/site-packages", NULL, "python3.11",
			"lib/python3.11/site-packages"},
		{"lib/python3.9/site-packages", "lib/python3.11/site-packages", "python3.11",
			"lib/python3.11/site-packages"},
		{"lib/python3.9/site-packages", NULL, "python3.11", NULL},
		/* a Python whose name does not say its version */
		{"lib/python3.9/site-packages", NULL, "python-of-ours",
			"lib/python3.9/site-packages"},
		{"lib/site-packages", NULL, "python3.11", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(scratch_free) char *root = scratch_new();
		AUTO(free_auto) char *script = scratch_file(root, "bin/open-webui", "#!");
		AUTO(free_auto) char *real = str_format("python/%s", cases[i].python);
		AUTO(free_auto) char *python = scratch_file(root, real, "");
		AUTO(free_auto)
		char *init = str_format("%s/open_webui/__init__.py", cases[i].folder);
		AUTO(free_auto) char *file = scratch_file(root, init, "");
		AUTO(free_auto)
		char *wanted = cases[i].found ? path_join(root, cases[i].found) : NULL;
		AUTO(free_auto) char *found = NULL;

		if (cases[i].other) {
			AUTO(free_auto)
			char *more = str_format("%s/open_webui/__init__.py", cases[i].other);
			AUTO(free_auto) char *also = scratch_file(root, more, "");
		}
		found = system_packages(script, python);
		if (!str_is(found, wanted) && (found || wanted))
			fail_msg("case %zu: '%s'", i, found ? found : "none");
	}
}

static void the_system_serves_until_there_is_an_environment(void **state UNUSED)
{
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(free_auto) char *environment = path_join(root, "openwebui-env");
	AUTO(free_auto) char *script = scratch_file(root, "bin/open-webui", "#!");
	Site site = {.environment = environment};

	assert_false(system_serves(&site));
	site.system_script = script;
	assert_true(system_serves(&site));
	/* a link to nothing is no reason to go back to the system's */
	assert_int_equal(symlink("/nowhere", environment), 0);
	assert_false(system_serves(&site));
}

static void programs_are_told_by_their_folder(void **state UNUSED)
{
	char script[] = "/usr/local/bin/open-webui";
	const Site site = {.system_script = script};
	const Site ordinary = {0};

	assert_string_equal(system_program(&site, "/usr/local/bin/open-webui"), "open-webui");
	assert_string_equal(system_program(&site, "/usr/local/bin/uvicorn"), "uvicorn");
	assert_null(system_program(&site, "/usr/bin/open-webui"));
	assert_null(system_program(&site, "open-webui"));
	assert_null(system_program(&site, "serve"));
	assert_null(system_program(&ordinary, "/usr/local/bin/open-webui"));
}

static void data_in_the_package_is_refused_with_both_paths(void **state UNUSED)
{
	char environment[] = "/nowhere/openwebui-env";
	char script[] = "/usr/local/bin/open-webui";
	char directory[] = "/srv/webui";
	char data[] = "/usr/local/lib/python3.11/dist-packages/open_webui/data";
	Site site = {
		.environment = environment, .system_script = script, .start_directory = directory};
	AUTO(err_clear) Err err = {0};

	site.webui.data_dir = data;
	assert_false(system_data_is_inside(&site));
	site.webui.data_inside_environment = true;
	assert_true(system_data_is_inside(&site));
	assert_error(system_data_refuse(&site, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "mv '/usr/local/lib/python3.11/dist-packages/open_webui/data' "
			      "'/srv/webui/data'");
	assert_part(err.hint, "export DATA_DIR='/srv/webui/data'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_scripts_are_read_as_a_shell_would_run_them),
		cmocka_unit_test(the_line_that_is_asked_for_is_accepted),
		cmocka_unit_test(packages_are_found_for_the_program_and_its_interpreter),
		cmocka_unit_test(the_system_serves_until_there_is_an_environment),
		cmocka_unit_test(programs_are_told_by_their_folder),
		cmocka_unit_test(data_in_the_package_is_refused_with_both_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
