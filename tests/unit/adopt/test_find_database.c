/* What adopt says of the database, the data and the secret key, and how it knows: an operator reads
 * it before the first upgrade. */
#include "unit.h"
#include "scratch.h"

#include "adopt/look.h"
#include "base/text.h"

typedef struct Seen {
	char *root;
	Adoption out;
	Look look;
	Site *site; /* the one that was found */
} Seen;

static int seen_setup(void **state)
{
	Seen *seen = NEW(Seen);
	Site *site = &seen->out.site;

	seen->root = scratch_new();
	seen->site = site;
	seen->look.out = &seen->out;
	site->webui.data_dir = str_dup(seen->root);
	site->webui.database_from = "default";
	site->webui.key_source = KEY_IN_FILE;
	site->webui.key_file = path_join(seen->root, ".webui_secret_key");
	site->database = (DatabaseUrl){.kind = DATABASE_SQLITE,
		.scheme = str_dup("sqlite"),
		.name = path_join(seen->root, "webui.db")};
	setenv("DOCKER_HOST", "unix:///nowhere/docker.sock", 1);
	*state = seen;
	return 0;
}

static int seen_teardown(void **state)
{
	Seen *seen = *state;

	adoption_clear(&seen->out);
	look_clear(&seen->look);
	scratch_free(&seen->root);
	free(seen);
	return 0;
}

#define SEEN_TEST(function) cmocka_unit_test_setup_teardown(function, seen_setup, seen_teardown)

static void look_again(Seen *seen)
{
	AUTO(err_clear) Err err = {0};

	for (size_t i = 0; i < seen->out.len; i++) {
		free(seen->out.findings[i].key);
		free(seen->out.findings[i].value);
		free(seen->out.findings[i].how);
	}
	seen->out.len = 0;
	strlist_clear(&seen->out.warnings);
	assert_done(find_database(&seen->look, &err), &err);
}

/* NULL value: there must be no such finding. */
static void says(const Seen *seen, const char *key, const char *value, const char *how)
{
	const Finding *found = NULL;

	for (size_t i = 0; i < seen->out.len; i++)
		if (str_is(seen->out.findings[i].key, key))
			found = &seen->out.findings[i];
	if (!value) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_part(found->value, value);
	assert_part(found->how, how);
}

static void warns(const Seen *seen, const char *part)
{
	AUTO(free_auto) char *all = strlist_join(&seen->out.warnings, "\n");

	assert_part(all, part);
}

static void where_the_database_is_known_from(void **state)
{
	Seen *seen = *state;

	look_again(seen);
	says(seen, "database", "webui.db", "DATABASE_URL is not set");
	seen->site->webui.database_from = "DATABASE_URL";
	strlist_add(&seen->site->recipe.env, "DATABASE_URL=sqlite:////x");
	look_again(seen);
	says(seen, "database", "webui.db", "DATABASE_URL of the server's environment");
	strlist_clear(&seen->site->recipe.env);
	seen->site->webui.env_file = str_dup("/srv/.env");
	look_again(seen);
	says(seen, "database", "webui.db", "DATABASE_URL in '/srv/.env'");
	says(seen, "env-file", "/srv/.env", "settings that the environment lacks");
	seen->site->database_url_text = str_dup("sqlite:////x");
	look_again(seen);
	says(seen, "database", "webui.db", "given as an option");
}

static void parts_win_over_the_url(void **state)
{
	Seen *seen = *state;

	seen->site->webui.database_from = "DATABASE_* parts";
	strlist_add(&seen->site->recipe.env, "DATABASE_NAME=openwebui");
	strlist_add(&seen->site->webui.merged, "DATABASE_URL=sqlite:////x");
	look_again(seen);
	says(seen, "database", "webui.db", "DATABASE_* parts of the server's environment");
	warns(seen, "DATABASE_URL is set but not used");
}

static void where_the_data_lies(void **state)
{
	Seen *seen = *state;

	look_again(seen);
	says(seen, "data", seen->root, "inside the environment");
	assert_int_equal(seen->out.warnings.len, 0);
	strlist_add(&seen->site->webui.merged, "DATA_DIR=/srv/data");
	str_replace(&seen->site->webui.data_dir, "/nowhere/data");
	look_again(seen);
	says(seen, "data", "/nowhere/data", "DATA_DIR of the server");
	warns(seen, "the data folder '/nowhere/data' does not exist");
	seen->site->data_dir = str_dup("/nowhere/data");
	look_again(seen);
	says(seen, "data", "/nowhere/data", "given as an option");
}

static void where_the_key_is(void **state)
{
	Seen *seen = *state;
	WebuiEnv *webui = &seen->site->webui;

	look_again(seen);
	says(seen, "secret-key", webui->key_file, "WEBUI_SECRET_KEY is not set: the file");
	webui->key_source = KEY_IN_ENVIRONMENT;
	look_again(seen);
	says(seen, "secret-key", "WEBUI_SECRET_KEY", "settings of the server");
	strlist_add(&seen->site->recipe.env, "WEBUI_SECRET_KEY=t0ps3cr3t");
	look_again(seen);
	says(seen, "secret-key", "WEBUI_SECRET_KEY", "environment of the server");
	webui->key_source = KEY_NONE;
	look_again(seen);
	says(seen, "secret-key", "", "neither a variable nor a file");
	warns(seen, "users are signed out");
}

/* PostgreSQL may be a container's; without an engine that answers nobody knows. */
static void whose_the_server_is(void **state)
{
	Seen *seen = *state;
	DatabaseUrl *database = &seen->site->database;

	look_again(seen);
	says(seen, "container", NULL, NULL);
	database->kind = DATABASE_POSTGRES;
	str_replace(&database->scheme, "postgresql");
	database->port = 5432;
	database->password = str_dup("p4ssw0rd-of-it");
	database->host = str_dup("db.example.com");
	look_again(seen);
	says(seen, "container", "", "not asked over this machine's ports");
	says(seen, "database", "db.example.com", "");
	for (size_t i = 0; i < seen->out.len; i++)
		assert_null(strstr(seen->out.findings[i].value, "p4ssw0rd"));
	str_replace(&database->host, "127.0.0.1");
	look_again(seen);
	says(seen, "container", "", "unknown: ");
	assert_null(seen->site->container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEEN_TEST(where_the_database_is_known_from),
		SEEN_TEST(parts_win_over_the_url),
		SEEN_TEST(where_the_data_lies),
		SEEN_TEST(where_the_key_is),
		SEEN_TEST(whose_the_server_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
