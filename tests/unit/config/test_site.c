#include "unit.h"
#include "scratch.h"

#include "base/text.h"
#include "config/site.h"

#define PACKAGE "lib/python3.11/site-packages/open_webui"

static char *root;

static int make_root(void **state)
{
	(void)state;
	root = scratch_new();
	setenv("BELAY_STATE_DIR", root, 1);
	AUTO(free_auto) char *init = scratch_file(root, "env/" PACKAGE "/__init__.py", "");
	return 0;
}

static int drop_root(void **state)
{
	(void)state;
	scratch_free(&root);
	root = NULL;
	return 0;
}

/* "~" stands for the scratch folder. */
static char *with_root(const char *text)
{
	AUTO(text_clear) Text out = TEXT_INIT(64 * 1024);

	for (const char *c = text; *c; c++) {
		if (*c == '~')
			text_add(&out, root);
		else
			text_add_bytes(&out, c, 1);
	}
	return text_take(&out);
}

static char *write_site(const char *text)
{
	AUTO(free_auto) char *full = with_root(text);

	return scratch_file(root, "team.conf", full);
}

static void little_is_enough(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(free_auto)
	char *file = write_site("[webui]\nenvironment = ~/env\nhost = 0.0.0.0\n"
				"port = 18201\n[database]\n"
				"database_url = postgresql://u:secret-word@h/d\n");

	(void)state;
	assert_done(site_load(file, &site, &err), &err);
	AUTO(free_auto) char *python = with_root("~/env/bin/python");
	AUTO(free_auto) char *state_dir = with_root("~/team");
	AUTO(free_auto) char *backups = with_root("~/backups");
	assert_string_equal(site.name, "team");
	assert_string_equal(site.state_dir, state_dir);
	assert_string_equal(site.host, "127.0.0.1");
	assert_string_equal(site.recipe.argv.items[0], python);
	AUTO(free_auto) char *argv = strlist_join(&site.recipe.argv, " ");
	assert_part(argv, "serve --host 0.0.0.0 --port 18201");
	assert_string_equal(
		env_get(&site.recipe.env, "DATABASE_URL"), "postgresql://u:secret-word@h/d");
	assert_null(env_get(&site.recipe.env, "DATA_DIR"));
	assert_string_equal(site.start_directory, root);
	assert_string_equal(site.backup_dir, backups);
	assert_string_equal(site.extras, "postgres");
	assert_string_equal(site.installer, "auto");
	assert_int_equal(site.database.kind, DATABASE_POSTGRES);
	assert_int_equal(site.stop_timeout_ms, 3000);
	assert_int_equal(site.watch_ms, 60000);
}

typedef struct Row {
	const char *text;
	const char *error, *hint; /* parts */
} Row;

static const Row rows[] = {
	{"[webui]\nenvironmnt = /e\n", "team.conf:2: there is no key 'environmnt'",
		"'environment'"},
	{"[webui]\nport = 1\n\nport = 2\n", "team.conf:4: the key 'port' is there twice", NULL},
	{"[web]\nport = 1\n", "team.conf:2: there is no section [web]", "[webui]"},
	{"[database]\nport = 1\n", "team.conf:2: the key 'port' does not belong", "[webui]"},
	{"[webui]\nport = web\n", "team.conf:2: 'web' is not a value for 'port'", NULL},
	{"[webui]\nport\n", "team.conf:2: neither", NULL},
	{"[webui]\nport = 1\n  user = x\n", "team.conf:3: a key must begin its line", NULL},
	{"port = 1\n", "team.conf:1: there is no section []", NULL},
	{"", "'environment' is missing", "belay adopt"},
	{"[webui]\nenvironment = /e\n[service]\nservice = systemd\n", "'unit' is missing", NULL},
	{"[webui]\nenvironment = /e\n[service]\nservice = script\n", "'start_script' is missing",
		NULL},
};

static void mistakes_are_named_with_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *file = write_site(rows[i].text);
		Site site = {0};

		assert_error(site_load(file, &site, &err), &err, ERR_CONFIG);
		assert_part(err.text, rows[i].error);
		if (rows[i].hint)
			assert_part(err.hint, rows[i].hint);
	}
}

static void a_long_url_is_read_whole(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(site_clear) Site site = {0};
	char password[600];

	(void)state;
	memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	AUTO(free_auto)
	char *text = str_format("[webui]\nenvironment = ~/env\n[database]\n"
				"database_url = postgresql://u:%s;x=1@h/d\n",
		password);
	AUTO(free_auto) char *file = write_site(text);
	assert_done(site_load(file, &site, &err), &err);
	assert_int_equal(strlen(site.database.password), sizeof(password) - 1 + 4);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
	static const struct {
		const char *more;
		mode_t mode;
		bool good;
	} cases[] = {
		{"", 0644, true},
		{"", 0664, false},
		{"[database]\ndatabase_url = postgresql://u@h/d\n", 0644, true},
		{"[database]\ndatabase_url = postgresql://u:p@h/d\n", 0644, false},
		{"[database]\ndatabase_url = postgresql://u:p@h/d\n", 0640, false},
		{"[database]\ndatabase_url = postgresql://u:p@h/d\n", 0600, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(site_clear) Site site = {0};
		AUTO(free_auto)
		char *text = str_format("[webui]\nenvironment = ~/env\n%s", cases[i].more);
		AUTO(free_auto) char *file = write_site(text);

		assert_int_equal(chmod(file, cases[i].mode), 0);
		assert_int_equal(site_load(file, &site, &err), cases[i].good);
		if (!cases[i].good)
			assert_part(err.hint, "chmod 600");
	}
}

static void what_is_written_reads_back_the_same(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(site_clear) Site again = {0};
	AUTO(free_auto)
	char *file = write_site(
		"[webui]\nenvironment = ~/env\nport = 18202\napi_key = sk-1;2 # 3\n"
		"[service]\nservice = script\nstart_script = ~/start.sh\n"
		"stop_timeout = 1.5\n[upgrade]\nextras =\n[belay]\nlanguage = ko\n");

	(void)state;
	assert_done(site_load(file, &site, &err), &err);
	AUTO(free_auto) char *text = site_format(&site);
	assert_done(site_parse(text, file, &again, &err), &err);
	AUTO(free_auto) char *second = site_format(&again);
	assert_string_equal(text, second);
	assert_string_equal(again.api_key, "sk-1;2 # 3");
	assert_int_equal(again.service, SERVICE_SCRIPT);
	assert_int_equal(again.stop_timeout_ms, 1500);
	assert_string_equal(again.extras, "");
	assert_string_equal(again.language, "ko");
	assert_part(text, "#watch = 60\n");
}

static void while_the_stub_stands_the_data_is_found(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *file = write_site("[webui]\nenvironment = ~/web\n");
	AUTO(free_auto) char *link = path_join(root, "web");
	AUTO(free_auto) char *stub = scratch_file(root, "web.releases/.stub-R/bin/open-webui", "");
	AUTO(free_auto)
	char *database = scratch_file(root, "web.releases/0.7.2/" PACKAGE "/data/webui.db", "");
	AUTO(free_auto) char *newer = scratch_file(root, "web.releases/0.10.0/" PACKAGE "/x", "");
	AUTO(free_auto) char *home = path_join(root, "web.data");
	AUTO(free_auto) char *moved = path_join(home, "webui.db");
	AUTO(free_auto) char *data = path_folder(database);
	AUTO(site_clear) Site site = {0};

	(void)state;
	assert_done(link_replace(link, "web.releases/.stub-R", &err), &err);
	assert_done(site_load(file, &site, &err), &err);
	assert_string_equal(site.database.name, database);
	assert_true(site.webui.data_inside_environment);

	/* The move happened, no release has its link to the data yet. */
	assert_done(file_rename(data, home, &err), &err);
	assert_done(site_refresh(&site, &err), &err);
	assert_string_equal(site.webui.data_dir, home);
	assert_string_equal(site.database.name, moved);
}

static void the_recorded_recipe_is_the_one(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(site_clear) Site given = {0};
	AUTO(free_auto) char *file = write_site("[webui]\nenvironment = ~/env\n");
	AUTO(free_auto)
	char *recipe = scratch_file(root, "team/recipe.json",
		"{\"argv\":[\"p\",\"x\"],\"env\":[\"DATA_DIR=/d\"],\"dir\":\"/srv/web\"}");

	(void)state;
	assert_done(site_load(file, &site, &err), &err);
	assert_string_equal(site.recipe.argv.items[1], "x");
	assert_string_equal(site.start_directory, "/srv/web");
	assert_string_equal(site.webui.data_dir, "/d");
	assert_string_equal(site.database.name, "/d/webui.db");

	strlist_add(&given.recipe.argv, "other");
	given.recipe.dir = str_dup("/elsewhere");
	AUTO(free_auto) char *text = with_root("[webui]\nenvironment = ~/env\n");
	assert_done(site_parse(text, file, &given, &err), &err);
	assert_string_equal(given.start_directory, "/elsewhere");
}

static void a_missing_site_says_what_to_type(void **state)
{
	static const char *const names[] = {
		"/nowhere/x.conf", "no-such-site", "a b", "../no-such-folder/x"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(err_clear) Err err = {0};
		Site site = {0};

		assert_error(site_load(names[i], &site, &err), &err, ERR_CONFIG);
		if (i < 2)
			assert_string_equal(err.hint, "belay adopt");
	}
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, drop_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOT(little_is_enough),
		IN_ROOT(mistakes_are_named_with_their_line),
		IN_ROOT(a_long_url_is_read_whole),
		IN_ROOT(a_secret_that_others_may_read_is_refused),
		IN_ROOT(what_is_written_reads_back_the_same),
		IN_ROOT(while_the_stub_stands_the_data_is_found),
		IN_ROOT(the_recorded_recipe_is_the_one),
		IN_ROOT(a_missing_site_says_what_to_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
