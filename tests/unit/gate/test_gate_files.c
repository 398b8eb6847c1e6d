/* The gate's questions about what lies beside the database. */
#include "unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_questions.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"

typedef struct World {
	char dir[64];
	char *uploads, *now, *before; /* folders */
	GateSpec spec;
	Asking asking;
	char *saw;
	Err err;
} World;

static int set_up(void **state)
{
	World *world = NEW(World);

	strcpy(world->dir, "/tmp/belay-unit-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	world->uploads = path_join(world->dir, "uploads");
	world->now = path_join(world->dir, "vector_db");
	world->before = path_join(world->dir, "vector_db.before");
	assert_done(dir_make(world->uploads, 0700, &world->err), &world->err);
	assert_done(dir_make(world->now, 0700, &world->err), &world->err);
	assert_done(dir_make(world->before, 0700, &world->err), &world->err);
	world->spec = (GateSpec){.uploads_dir = world->uploads,
		.vector_dir = world->now,
		.vector_before = world->before};
	world->asking.spec = &world->spec;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove(world->dir, &err), &err);
	free(world->uploads);
	free(world->now);
	free(world->before);
	free(world->saw);
	err_clear(&world->err);
	free(world);
	return 0;
}

static void put_upload(World *world, const char *name)
{
	AUTO(free_auto) char *path = path_join(world->uploads, name);

	assert_done(file_write_text(path, "x", 0600, &world->err), &world->err);
}

static void put_collections(World *world, const char *folder, int count)
{
	AUTO(free_auto) char *path = path_join(folder, "chroma.sqlite3");
	AUTO(sql_close_auto) Sql *sql = NULL;

	assert_done(sql_open(path, SQL_CREATE, 1000, &sql, &world->err), &world->err);
	assert_done(sql_run(sql, "CREATE TABLE collections (id INTEGER PRIMARY KEY)", NULL,
			    &world->err),
		&world->err);
	for (int i = 0; i < count; i++)
		assert_done(
			sql_run(sql, "INSERT INTO collections DEFAULT VALUES", NULL, &world->err),
			&world->err);
}

static bool ask(World *world, GateQuestion *question)
{
	free(world->saw);
	world->saw = NULL;
	err_clear(&world->err);
	return question(&world->asking, &world->saw, &world->err);
}

static void uploads_that_went_are_a_no(void **state)
{
	World *world = *state;

	assert_done(ask(world, gate_uploads), &world->err);
	assert_string_equal(world->saw, "not asked");
	world->spec.uploads = 3;
	assert_error(ask(world, gate_uploads), &world->err, ERR_VERIFY);
	assert_part(world->err.text, "holds 0 uploads and held 3");
	put_upload(world, "a");
	assert_error(ask(world, gate_uploads), &world->err, ERR_VERIFY);
	/* A user may have deleted one meanwhile. */
	put_upload(world, "b");
	assert_done(ask(world, gate_uploads), &world->err);
}

static void collections_that_went_are_a_no(void **state)
{
	World *world = *state;

	assert_done(ask(world, gate_vectors), &world->err);
	assert_string_equal(world->saw, "not asked");
	put_collections(world, world->before, 4);
	assert_error(ask(world, gate_vectors), &world->err, ERR_VERIFY);
	assert_part(world->err.text, "has 0 collections and had 4");
	put_collections(world, world->now, 3);
	assert_done(ask(world, gate_vectors), &world->err);
	assert_string_equal(world->saw, "3 collections");
}

static void a_store_that_cannot_be_read_is_a_no(void **state)
{
	World *world = *state;
	AUTO(free_auto) char *path = path_join(world->now, "chroma.sqlite3");

	put_collections(world, world->before, 0);
	assert_done(file_write_text(path, "not what SQLite would have written", 0600, &world->err),
		&world->err);
	assert_error(ask(world, gate_vectors), &world->err, ERR_VERIFY);
	assert_part(world->err.text, "cannot be read");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(uploads_that_went_are_a_no),
		ROW(collections_that_went_are_a_no),
		ROW(a_store_that_cannot_be_read_is_a_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
