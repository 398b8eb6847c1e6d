#include "config/site.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "unit.h"

#include "scratch.h"

static char *root;

#define PLAIN                                                                                      \
	"[webui]\ndata_dir = /srv/data\n[service]\nservice = container\nwebui_container = chat\n"
#define COMPOSE                                                                                      \
	"[webui]\ndata_dir = /srv/data\nstart_directory = /srv/chat\n[service]\nservice = compose\n" \
	"compose_project = team\ncompose_service = webui\n"

static bool parse(const char *text, const char *setting, Site *ret, Err *err)
{
	AUTO(free_auto) char *file = path_join(root, "team.conf");
	Recipe recipe = {.dir = str_dup("/app/backend"), .user = str_dup("root")};

	strlist_add(&recipe.argv, "bash");
	strlist_add(&recipe.env, "WEBUI_SECRET_KEY=");
	if (setting)
		strlist_add(&recipe.env, setting);
	ret->recipe = recipe;
	return site_parse(text, file, ret, err);
}

static void test_keys(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{PLAIN, NULL},
		{COMPOSE, NULL},
		{"[service]\nservice = container\nwebui_container = chat\n",
			"'data_dir' is missing"},
		{"[webui]\ndata_dir = /d\n[service]\nservice = container\n",
			"'webui_container' is missing"},
		{"[webui]\ndata_dir = /d\n[service]\nservice = compose\ncompose_project = a\n",
			"'compose_service' is missing"},
		{"[webui]\nenvironment = /e\ndata_dir = /d\n[service]\nservice = container\n",
			"does not go with a server in a container"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(site_clear) Site site = {0};
		AUTO(err_clear) Err err = {0};
		bool good = parse(cases[i].text, NULL, &site, &err);

		if (!cases[i].error) {
			assert_true(good);
			assert_true(site_in_container(&site));
		} else {
			assert_false(good);
			assert_int_equal(err.kind, ERR_CONFIG);
			assert_part(err.text, cases[i].error);
		}
	}
}

/* Paths of this machine, never those inside. */
static void test_defaults(void **state)
{
	AUTO(site_clear) Site site = {0};
	AUTO(site_clear) Site compose = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *backups = str_format("%s/team/backups", root);

	(void)state;
	assert_done(parse(PLAIN, NULL, &site, &err), &err);
	assert_string_equal(site.webui.data_dir, "/srv/data");
	assert_string_equal(site.database.name, "/srv/data/webui.db");
	assert_string_equal(site.backup_dir, backups);
	assert_int_equal(site.webui.key_source, KEY_NONE);
	assert_done(parse(COMPOSE, NULL, &compose, &err), &err);
	assert_string_equal(compose.backup_dir, "/srv/chat/backups");
	AUTO(free_auto) char *words = site_container_words(&compose);
	assert_string_equal(words, "service webui of the compose project team");
}

static void test_sqlite(void **state)
{
	static const struct {
		const char *setting, *file;
	} cases[] = {
		{"DATABASE_URL=sqlite:////app/backend/data/webui.db", "/srv/data/webui.db"},
		{"DATABASE_URL=sqlite:////app/backend/data/db/a.db", "/srv/data/db/a.db"},
		{"DATABASE_URL=sqlite:///data/webui.db", "/srv/data/webui.db"},
		{"DATABASE_URL=sqlite:////app/backend/data2/webui.db", NULL},
		{"DATABASE_URL=sqlite:////tmp/webui.db", NULL},
		{"DATABASE_URL=sqlite:////app/backend/data/../webui.db", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(site_clear) Site site = {0};
		AUTO(err_clear) Err err = {0};

		if (cases[i].file) {
			assert_done(parse(PLAIN, cases[i].setting, &site, &err), &err);
			assert_string_equal(site.database.name, cases[i].file);
		} else {
			assert_error(
				parse(PLAIN, cases[i].setting, &site, &err), &err, ERR_REFUSED);
			assert_part(err.text, "outside of its data folder");
		}
	}
}

/* There is no environment that releases could lie beside. */
static void test_scratch_lies_in_the_state_folder(void **state)
{
	AUTO(site_clear) Site site = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	assert_done(
		parse(PLAIN, "DATABASE_URL=postgresql://owui:x@db:5432/chat", &site, &err), &err);
	AUTO(free_auto) char *folder = site_releases_dir(&site);
	assert_part(folder, site.state_dir);
	assert_part(folder, "/releases");
}

static int make_root(void **state)
{
	(void)state;
	root = scratch_new();
	setenv("BELAY_STATE_DIR", root, 1);
	return 0;
}

static int drop_root(void **state)
{
	(void)state;
	scratch_free(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_sqlite),
		cmocka_unit_test(test_scratch_lies_in_the_state_folder),
	};

	return cmocka_run_group_tests(tests, make_root, drop_root);
}
