/* The server of a site in the system's Python is told from everything else that this Python runs.
 */
#include "unit.h"

#include "fake_webui.h"

#include "base/text.h"
#include "os/process_table.h"
#include "service/server_process.h"

/* The fake's env/ without pyvenv.cfg stands for the system's prefix; the site's own environment is
 * not there yet. */
static int set_up(void **state)
{
	FakeSite *fake = fake_site_new(fake_free_port());
	Site *site = &fake->site;

	site->system_script = fake_path(fake, "env/bin/open-webui");
	site->system_python = fake_path(fake, "env/bin/python");
	str_replace(&site->environment, "/nowhere/openwebui-env");
	*state = fake;
	return 0;
}

static int tear_down(void **state)
{
	FakeSite *fake = *state;

	free(fake->site.system_script);
	free(fake->site.system_python);
	fake_site_free(fake);
	return 0;
}

/* `%` in a word stands for the fake's folder. */
static bool runs(const FakeSite *fake, const char *const *words)
{
	AUTO(site_roots_clear) SiteRoots roots = {0};
	AUTO(process_clear) Process process = {.pid = 0};

	for (size_t i = 0; words[i]; i++)
		strlist_addf(&process.argv, "%s%s", words[i][0] == '%' ? fake->folder : "",
			words[i] + (words[i][0] == '%'));
	strlist_add(&process.env, "PATH=/usr/bin:/bin");
	site_roots_of(&fake->site, &roots);
	return process_runs_from(&roots, &process);
}

static void its_commands_are_known(void **state)
{
	const FakeSite *fake = *state;
	const struct {
		const char *words[8];
		bool is;
	} cases[] = {
		{{"/usr/bin/python3", "%/env/bin/open-webui", "serve", NULL}, true},
		{{"%/env/bin/python", "-m", "open_webui", "serve", NULL}, true},
		{{"python3", "-m", "uvicorn", "open_webui.main:app", NULL}, true},
		{{"/usr/bin/python3", "/usr/local/bin/uvicorn", "open_webui.main:app", NULL}, true},
		/* the same interpreter, and not this program */
		{{"/usr/bin/python3", "-m", "http.server", NULL}, false},
		{{"/usr/bin/python3", "%/env/bin/jupyter", "serve", NULL}, false},
		{{"/usr/bin/python3", "-c", "x", "--multiprocessing-fork", NULL}, false},
		/* this program, and another environment that was made with the same interpreter */
		{{"%/venv/bin/python", "-m", "open_webui", "serve", NULL}, false},
		{{"%/venv/bin/python", "%/venv/bin/open-webui", "serve", NULL}, false},
		{{"vim", "start_openwebui.sh", NULL}, false},
	};

	fake_file((FakeSite *)fake, "venv/pyvenv.cfg", "home = /usr/bin\n", 0644);
	fake_file((FakeSite *)fake, "venv/bin/open-webui", "", 0755);
	AUTO(free_auto) char *python = fake_path(fake, "venv/bin/python");
	assert_int_equal(symlink("/usr/bin/python3", python), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (runs(fake, cases[i].words) != cases[i].is)
			fail_msg("case %zu: %s", i, cases[i].words[1]);
}

static void an_ordinary_site_knows_none_of_them(void **state)
{
	FakeSite *fake = *state;
	const char *const words[] = {"/usr/bin/python3", "%/env/bin/open-webui", "serve", NULL};
	char *script = fake->site.system_script;

	fake->site.system_script = NULL;
	assert_false(runs(fake, words));
	fake->site.system_script = script;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_commands_are_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_ordinary_site_knows_none_of_them, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
