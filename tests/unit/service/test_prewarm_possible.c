#include "unit.h"

#include "early_site.h"

static void expect_why(Early *early, const char *part)
{
	AUTO(err_clear) Err why = {0};
	const bool possible = prewarm_possible(&early->spec, &why);

	if (!part) {
		assert_done(possible, &why);
		return;
	}
	assert_error(possible, &why, ERR_REFUSED);
	assert_part(why.text, part);
}

static void use_words(Early *early, const char *words)
{
	StrList *argv = &early->fake->site.recipe.argv;

	strlist_clear(argv);
	strlist_split(argv, words, " ");
}

static void only_known_commands_are_started_early(void **state)
{
	static const struct {
		const char *words; /* E: the environment */
		bool possible;
	} rows[] = {
		{"python -m open_webui serve", true},
		{"/usr/bin/python3.11 -m uvicorn open_webui.main:app --port 81", true},
		{"env/bin/python env/bin/open-webui serve", true},
		{"env/bin/python ./env/bin/open-webui serve --host ::", true},
		{"env/bin/python /usr/bin/open-webui serve", false},
		{"env/bin/python open-webui serve", false},
		{"env/bin/python env/bin/open-webui dev", false},
		{"env/bin/python -X dev env/bin/open-webui serve", false},
		{"env/bin/python -u env/bin/open-webui serve", false},
		{"env/bin/python -m uvicorn open_webui.main:app --workers 2", false},
		{"env/bin/python -m uvicorn open_webui.main:app --reload", false},
		{"env/bin/python -m gunicorn open_webui.main:app", false},
		{"env/bin/python -c x serve", false},
		{"bash -c open-webui serve", false},
		{"env/bin/python", false},
	};
	Early *early = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		use_words(early, rows[i].words);
		expect_why(early, rows[i].possible ? NULL : "a command of another kind");
	}
	use_words(early, "env/bin/python env/bin/open-webui serve");
}

static void settings_that_forbid_it_are_named(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;

	expect_why(early, NULL);
	site->service = SERVICE_SYSTEMD;
	expect_why(early, "systemd");
	site->service = SERVICE_RECIPE;
	site->webui.workers = 3;
	expect_why(early, "3 workers");
	site->webui.workers = 1;
	fake_set(early->fake, "USE_CUDA_DOCKER", "True");
	expect_why(early, "USE_CUDA_DOCKER");
	env_unset(&site->recipe.env, "USE_CUDA_DOCKER");
	early->spec.modules = "/nowhere";
	expect_why(early, "listed the modules");
	early->spec.modules = NULL;
	expect_why(early, "listed the modules");
	early->spec.planned = true; /* they will be by then */
	expect_why(early, NULL);
	site->webui.workers = 3;
	expect_why(early, "3 workers");
	site->webui.workers = 1;
	early->spec.planned = false;
	early->spec.modules = early->modules;
	early->spec.needed_kb = (int64_t)1 << 40;
	expect_why(early, "of memory");
}

/* The recorded start is only that of the running server while both are the same. */
static void a_script_must_be_that_of_the_running_server(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};
	Recipe recipe = {0};

	fake_script(early->fake, "nohup $RUN > server.log 2>&1 &", 0755);
	expect_why(early, "no server is running");
	assert_done(service_start(site, &err), &err); /* in the same tick, as scripts do */
	assert_done(service_state(site, &seen, &err), &err);
	expect_why(early, "not that of the running server");
	assert_done(recipe_of_process(seen.pid, &recipe, &err), &err);
	recipe_clear(&site->recipe);
	site->recipe = recipe;
	expect_why(early, NULL);
	usleep(150000); /* more than the clocks of processes and files differ */
	fake_script(early->fake, "nohup $RUN > server.log 2>&1 &", 0755);
	expect_why(early, "the start script was changed");
	assert_done(service_stop(site, &err), &err);
	fake_script(early->fake, "$RUN 2>&1 | cat > server.log &", 0755);
	assert_done(service_start(site, &err), &err);
	service_state_clear(&seen);
	assert_done(service_state(site, &seen, &err), &err);
	site->recipe.pid = seen.pid;
	site->recipe.start_ticks = seen.start_ticks;
	expect_why(early, "does not go to one file");
}

static void the_next_release_is_called_by_the_environment(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *words = NULL;
	AUTO(free_auto)
	char *old = fake_path(early->fake, "env.releases/0.7.2/bin/open-webui");
	AUTO(process_clear) Process seen = {0};
	AUTO(prewarm_cancel_auto) Prewarm *prewarm = NULL;

	fake_file(early->fake, "env.releases/0.7.2/bin/open-webui", "", 0755);
	str_replace(&site->recipe.argv.items[1], old);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	assert_done(process_read(prewarm_pid(prewarm), &seen, &err), &err);
	assert_string_equal(seen.argv.items[0], early->release.python);
	assert_true(str_ends(seen.argv.items[5], "/env/bin/open-webui"));
	assert_done(prewarm_record_argv(site, &early->release, "/l", 7, &argv, &err), &err);
	words = strlist_join(&argv, " ");
	assert_part(words, "/env/bin/python /l record 7 ");
	assert_part(words, "/env/bin/open-webui serve --port ");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(only_known_commands_are_started_early),
		ROW(settings_that_forbid_it_are_named),
		ROW(a_script_must_be_that_of_the_running_server),
		ROW(the_next_release_is_called_by_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
