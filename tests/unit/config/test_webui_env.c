#include "unit.h"
#include "scratch.h"

#include "base/digest.h"
#include "base/text.h"
#include "config/webui_env.h"

#define PACKAGE "env/lib/python3.11/site-packages/open_webui"

typedef struct World {
	char *root, *package, *start;
} World;

static int make_world(void **state)
{
	World *world = NEW(World);

	world->root = scratch_new();
	AUTO(free_auto) char *init = scratch_file(world->root, PACKAGE "/__init__.py", "");
	AUTO(free_auto) char *marker = scratch_file(world->root, "start/start.sh", "");
	world->package = path_folder(init);
	world->start = path_folder(marker);
	*state = world;
	return 0;
}

static int drop_world(void **state)
{
	World *world = *state;

	scratch_free(&world->root);
	free(world->package);
	free(world->start);
	free(world);
	return 0;
}

static void read_world(World *world, const char *const *env, WebuiEnv *ret)
{
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList list = {0};

	strlist_add_array(&list, env);
	assert_done(webui_env_read(&list, world->start, world->package, ret, &err), &err);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void without_settings_all_is_inside_the_package(void **state)
{
	World *world = *state;
	AUTO(webui_env_clear) WebuiEnv seen = {0};
	AUTO(free_auto) char *data = path_join(world->package, "data");
	AUTO(free_auto) char *url = str_format("sqlite:///%s/webui.db", data);

	read_world(world, ENV("PATH=/bin"), &seen);
	assert_string_equal(seen.data_dir, data);
	assert_true(seen.data_inside_environment);
	assert_string_equal(seen.database_url, url);
	assert_string_equal(seen.database_from, "default");
	assert_int_equal(seen.key_source, KEY_NONE);
	assert_null(seen.key_sha256);
	assert_null(seen.env_file);
	assert_int_equal(seen.workers, 1);
	assert_string_equal(seen.vector_db, "chroma");
}

static void data_that_moved_is_found_through_the_link(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(webui_env_clear) WebuiEnv seen = {0};
	AUTO(free_auto) char *moved = path_join(world->root, "env.data");
	AUTO(free_auto) char *link = path_join(world->package, "data");

	assert_done(dir_make(moved, 0755, &err), &err);
	assert_done(link_replace(link, moved, &err), &err);
	read_world(world, ENV("PATH=/bin"), &seen);
	assert_string_equal(seen.data_dir, moved);
	assert_true(seen.data_inside_environment);
}

static void env_file_fills_in_what_the_environment_leaves_open(void **state)
{
	World *world = *state;
	AUTO(webui_env_clear) WebuiEnv seen = {0};
	AUTO(free_auto)
	char *file = scratch_file(world->root, "env/lib/python3.11/.env",
		"DATA_DIR=/from/file\nUVICORN_WORKERS=3\nVECTOR_DB=pgvector\n");

	read_world(world, ENV("DATA_DIR=rel", "VECTOR_DB="), &seen);
	AUTO(free_auto) char *relative = path_join(world->start, "rel");
	assert_string_equal(seen.env_file, file);
	assert_string_equal(seen.data_dir, relative);
	assert_false(seen.data_inside_environment);
	assert_int_equal(seen.workers, 3);
	assert_string_equal(seen.vector_db, "chroma");
	assert_string_equal(env_get(&seen.merged, "UVICORN_WORKERS"), "3");
}

static void complete_parts_win_over_the_url(void **state)
{
	static const struct {
		const char *env[8];
		const char *url, *from;
	} rows[] = {
		{{"DATABASE_URL=postgres://u:pass@h/d"}, "postgresql://u:pass@h/d", "DATABASE_URL"},
		{{"DATABASE_URL=postgresql://u@h/d", "DATABASE_TYPE=postgresql", "DATABASE_USER=a",
			 "DATABASE_PASSWORD=p@q%", "DATABASE_HOST=b", "DATABASE_PORT=1",
			 "DATABASE_NAME=c"},
			"postgresql://a:p@q%@b:1/c", "DATABASE_* parts"},
		{{"DATABASE_URL=postgresql://u@h/d", "DATABASE_TYPE=postgresql", "DATABASE_USER=a",
			 "DATABASE_HOST=b", "DATABASE_PORT=", "DATABASE_NAME=c"},
			"postgresql://u@h/d", "DATABASE_URL"},
		{{"DATABASE_TYPE=postgresql", "DATABASE_USER=a", "DATABASE_HOST=b",
			 "DATABASE_PORT=1", "DATABASE_NAME=c"},
			"postgresql://a@b:1/c", "DATABASE_* parts"},
		{{"DATABASE_TYPE=sqlite+sqlcipher", "DATA_DIR=/d"},
			"sqlite+sqlcipher:////d/webui.db", "DATABASE_* parts"},
	};
	World *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(webui_env_clear) WebuiEnv seen = {0};

		read_world(world, rows[i].env, &seen);
		assert_string_equal(seen.database_url, rows[i].url);
		assert_string_equal(seen.database_from, rows[i].from);
	}
}

static void the_key_file_wins_over_the_env_file_only(void **state)
{
	World *world = *state;
	AUTO(webui_env_clear) WebuiEnv of_file = {0};
	AUTO(webui_env_clear) WebuiEnv of_env = {0};
	AUTO(webui_env_clear) WebuiEnv of_dotenv = {0};
	char wanted[SHA256_HEX_SIZE];
	AUTO(free_auto)
	char *dotenv = scratch_file(
		world->root, "env/lib/python3.11/.env", "WEBUI_SECRET_KEY=dotenv-key\n");

	read_world(world, ENV("A=1"), &of_dotenv);
	sha256_of("dotenv-key", 10, wanted);
	assert_int_equal(of_dotenv.key_source, KEY_IN_ENVIRONMENT);
	assert_string_equal(of_dotenv.key_sha256, wanted);

	AUTO(free_auto)
	char *file = scratch_file(world->root, "start/.webui_secret_key", "file-key");
	read_world(world, ENV("A=1"), &of_file);
	sha256_of("file-key", 8, wanted);
	assert_int_equal(of_file.key_source, KEY_IN_FILE);
	assert_string_equal(of_file.key_file, file);
	assert_string_equal(of_file.key_sha256, wanted);

	read_world(world, ENV("WEBUI_SECRET_KEY=env-key"), &of_env);
	sha256_of("env-key", 7, wanted);
	assert_int_equal(of_env.key_source, KEY_IN_ENVIRONMENT);
	assert_null(of_env.key_file);
	assert_string_equal(of_env.key_sha256, wanted);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(without_settings_all_is_inside_the_package),
		IN_WORLD(data_that_moved_is_found_through_the_link),
		IN_WORLD(env_file_fills_in_what_the_environment_leaves_open),
		IN_WORLD(complete_parts_win_over_the_url),
		IN_WORLD(the_key_file_wins_over_the_env_file_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
