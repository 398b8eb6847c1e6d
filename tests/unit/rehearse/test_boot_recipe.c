/* The start of a rehearsal must not lead to anything that is live. */
#include "base/mem.h"
#include "base/text.h"
#include "rehearse/boot.h"
#include "unit.h"

static char env_path[] = "/srv/none/env", python[] = "/srv/none/env.releases/0.8.0/bin/python";
static char target_path[] = "/srv/none/env.releases/0.8.0", version[] = "0.8.0";
static const Release target = {.version = version, .path = target_path, .python = python};

static const struct {
	const char *argv, *wanted;
} commands[] = {
	{"/srv/none/env/bin/python3 /srv/none/env/bin/open-webui serve",
		"/srv/none/env.releases/0.8.0/bin/python /srv/none/env.releases/0.8.0/bin/open-webui serve "
		"--host 127.0.0.1 --port 9"},
	{"/usr/bin/python3 /srv/none/env.releases/0.7.2/bin/open-webui serve --host 0.0.0.0 --port 8080",
		"/srv/none/env.releases/0.8.0/bin/python /srv/none/env.releases/0.8.0/bin/open-webui serve "
		"--host 127.0.0.1 --port 9"},
	{"/srv/none/env/bin/python -m uvicorn open_webui.main:app --port=8080 --host=::",
		"/srv/none/env.releases/0.8.0/bin/python -m uvicorn open_webui.main:app --port=9 "
		"--host=127.0.0.1"},
	/* Only whole folder names. */
	{"python /srv/none/env2/bin/open-webui serve",
		"/srv/none/env.releases/0.8.0/bin/python /srv/none/env2/bin/open-webui serve "
		"--host 127.0.0.1 --port 9"},
};

static void test_command_is_led_to_the_target(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		Site site = {.environment = env_path};
		AUTO(strlist_clear) StrList argv = {0};
		AUTO(free_auto) char *line = NULL;

		strlist_split(&site.recipe.argv, commands[i].argv, " ");
		boot_argv(&site, &target, &argv);
		boot_listen(&argv, 9);
		line = strlist_join(&argv, " ");
		assert_string_equal(line, commands[i].wanted);
		strlist_clear(&site.recipe.argv);
	}
}

static void site_with(Site *site, const char *const *settings)
{
	*site = (Site){.environment = env_path};
	for (; *settings; settings++) {
		strlist_add(&site->recipe.env, *settings);
		strlist_add(&site->webui.merged, *settings);
	}
}

static void site_done(Site *site)
{
	strlist_clear(&site->recipe.env);
	strlist_clear(&site->webui.merged);
}

static void test_environment_leads_nowhere_live(void **state)
{
	static const char *const settings[] = {"WEBUI_SECRET_KEY=a-key-of-the-test",
		"DATABASE_URL=postgresql://live/webui", "DATABASE_HOST=live", "DATA_DIR=/srv/live",
		"REDIS_URL=redis://live", "WEBSOCKET_MANAGER=redis", "VECTOR_DB=qdrant",
		"STATIC_DIR=/srv/live/static", "UVICORN_WORKERS=4", "ENABLE_PERSISTENT_CONFIG=true",
		NULL};
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{"DATABASE_URL", "postgresql://scratch/x"},
		{"PGVECTOR_DB_URL", "postgresql://scratch/x"},
		{"DATABASE_HOST", ""},
		{"DATA_DIR", "/srv/scratch/data"},
		{"WEBUI_SECRET_KEY", "a-key-of-the-test"},
		{"REDIS_URL", ""},
		{"WEBSOCKET_MANAGER", ""},
		{"VECTOR_DB", "chroma"},
		{"STATIC_DIR", "/srv/scratch/static"},
		{"UVICORN_WORKERS", "1"},
		{"ENABLE_PERSISTENT_CONFIG", "true"},
		{"AUDIT_LOGS_FILE_PATH", NULL},
	};
	static char folder[] = "/srv/scratch", data_dir[] = "/srv/scratch/data";
	const Scratch scratch = {.folder = folder, .data_dir = data_dir};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(err_clear) Err err = {0};
	Site site;

	(void)state;
	site_with(&site, settings);
	assert_done(boot_env(&site, "postgresql://scratch/x", &scratch, &env, &err), &err);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		const char *got = env_get(&env, wanted[i].name);

		if (!str_is(got, wanted[i].value))
			fail_msg("%s is '%s'", wanted[i].name, got ? got : "(not set)");
	}
	site_done(&site);
}

static void test_what_was_replaced_is_said(void **state)
{
	static const char *const settings[] = {
		"REDIS_URL=redis://live", "VECTOR_DB=qdrant", "HF_HUB_OFFLINE=1", NULL};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *line = NULL;
	Site site;

	(void)state;
	site_with(&site, settings);
	boot_replaced(&site, &names);
	line = strlist_join(&names, " ");
	assert_string_equal(line, "REDIS_URL VECTOR_DB");
	site_done(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_is_led_to_the_target),
		cmocka_unit_test(test_environment_leads_nowhere_live),
		cmocka_unit_test(test_what_was_replaced_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
