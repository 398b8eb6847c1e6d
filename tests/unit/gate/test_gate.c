#include "unit.h"

#include "fake_webui.h"

#include <glob.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "gate/gate.h"
#include "os/sql.h"
#include "service/service.h"

typedef struct World {
	FakeSite *fake;
	Release release;
	char key[SHA256_HEX_SIZE];
	GateSpec spec;
	GateReport report;
	Err err;
} World;

static int set_up(void **state)
{
	World *world = NEW(World);

	world->fake = fake_site_new(fake_free_port());
	world->release = (Release){
		.version = str_dup("0.8.0"), .path = path_real(world->fake->site.environment)};
	sha256_of("t0ps3cr3t-of-test", strlen("t0ps3cr3t-of-test"), world->key);
	world->spec = (GateSpec){.site = &world->fake->site,
		.release = &world->release,
		.key_sha256 = world->key,
		.had_users = true};
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	World *world = *state;
	AUTO(err_clear) Err err = {0};

	assert_done(service_stop(&world->fake->site, &err), &err);
	fake_site_free(world->fake);
	free(world->release.version);
	free(world->release.path);
	gate_report_clear(&world->report);
	err_clear(&world->err);
	free(world);
	return 0;
}

static bool start_and_wait(World *world)
{
	assert_done(service_start(&world->fake->site, &world->err), &world->err);
	return gate_wait(&world->spec, &world->report, &world->err);
}

static const char *saw(const World *world, const char *question, bool ok)
{
	size_t i;
	json_t *answer;

	json_array_foreach(world->report.answers, i, answer)
	{
		if (str_is(json_str(answer, "question"), question)) {
			assert_int_equal(json_flag(answer, "ok", !ok), ok);
			return json_str(answer, "saw");
		}
	}
	return NULL;
}

static void a_good_server_gets_a_yes(void **state)
{
	World *world = *state;

	assert_done(start_and_wait(world), &world->err);
	assert_int_equal(json_array_size(world->report.answers), 13);
	assert_string_equal(saw(world, "version", true), "0.8.0");
	assert_part(saw(world, "ready", true), "no /ready");
	assert_string_equal(saw(world, "secret-key", true), "unchanged");
	assert_true(world->report.pid > 0);
	assert_true(world->report.waited_ms < 5000);
	assert_done(gate_ask(&world->spec, &world->report, &world->err), &world->err);
}

static void each_no_is_named(void **state)
{
	static const struct {
		const char *name, *value; /* of the server's environment */
		const char *question, *part;
	} rows[] = {
		{"FAKE_VERSION", "0.7.2", "version", "'0.7.2' instead of '0.8.0'"},
		{"FAKE_SICK", "1", "health", "/health does not say"},
		{"FAKE_EMPTY", "1", "onboarding", "empty database"},
		{"FAKE_READY", "no", "ready", "/ready answers 503"},
		{"WEBUI_SECRET_KEY", "k3y-0815-4711", "secret-key", "another secret key"},
		{"FAKE_NO_PORT", "1", "listener", "nothing listens on port"},
	};
	World *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(recipe_clear) Recipe before = {0};
		FakeSite *fake = world->fake;

		recipe_copy(&fake->site.recipe, &before);
		fake_set(fake, rows[i].name, rows[i].value);
		assert_done(service_start(&fake->site, &world->err), &world->err);
		if (!str_is(rows[i].name, "FAKE_NO_PORT"))
			assert_true(fake_wait_listening(world->fake->site.port, true));
		assert_error(gate_ask(&world->spec, &world->report, &world->err), &world->err,
			ERR_VERIFY);
		assert_part(world->err.text, rows[i].part);
		assert_part(saw(world, rows[i].question, false), rows[i].part);
		assert_done(service_stop(&fake->site, &world->err), &world->err);
		recipe_clear(&fake->site.recipe);
		recipe_copy(&before, &fake->site.recipe);
	}
}

static void nobody_there_is_a_no(void **state)
{
	World *world = *state;

	assert_error(gate_ask(&world->spec, &world->report, &world->err), &world->err, ERR_VERIFY);
	assert_part(world->err.text, "no server of this site");
	assert_int_equal(json_array_size(world->report.answers), 1);
}

static void a_death_is_seen_at_once(void **state)
{
	World *world = *state;

	fake_set(world->fake, "FAKE_DELAY", "0.3");
	fake_set(world->fake, "FAKE_SAY", "Error running migrations: no such table: config");
	fake_set(world->fake, "FAKE_DIE", "1");
	world->fake->site.start_timeout_ms = 60000;
	assert_false(start_and_wait(world));
	assert_int_equal(world->err.kind, ERR_VERIFY);
	assert_part(world->err.text, "has ended");
	assert_part(world->err.text, "Error running migrations: no such table");
	assert_part(json_string_value(json_array_get(world->report.findings, 0)), "no such table");
	assert_true(world->report.waited_ms < 5000);
}

static void standing_still_is_a_no(void **state)
{
	World *world = *state;

	fake_set(world->fake, "FAKE_NO_PORT", "1");
	world->fake->site.start_timeout_ms = 300;
	assert_false(start_and_wait(world));
	assert_int_equal(world->err.kind, ERR_TIMEOUT);
	assert_part(world->err.text, "did not come up within");
}

static void work_is_waited_for(void **state)
{
	World *world = *state;

	fake_set(world->fake, "FAKE_BUSY", "2.5");
	world->fake->site.start_timeout_ms = 1500;
	assert_done(start_and_wait(world), &world->err);
	assert_true(world->report.waited_ms > 1500);
}

static void modules_of_another_release_are_a_no(void **state)
{
	World *world = *state;
	AUTO(free_auto) char *own = fake_path(world->fake, "env/lib/python3/site-packages");
	AUTO(free_auto) char *other = fake_path(world->fake, "old/lib/python3/site-packages");
	const char *const folders[] = {own, other};
	glob_t found = {0};

	if (glob("/usr/lib/python3*/lib-dynload/_asyncio.*.so", 0, NULL, &found) != 0)
		skip();
	for (size_t i = 0; i < 2; i++) {
		AUTO(free_auto) char *to = path_join(folders[i], path_name(found.gl_pathv[0]));

		assert_done(dir_make(folders[i], 0755, &world->err), &world->err);
		assert_done(file_copy(found.gl_pathv[0], to, 0644, &world->err), &world->err);
		fake_set(world->fake, "FAKE_MODULE", folders[i]);
		assert_done(service_start(&world->fake->site, &world->err), &world->err);
		assert_true(fake_wait_listening(world->fake->site.port, true));
		assert_int_equal(gate_ask(&world->spec, &world->report, &world->err), i == 0);
		if (i == 0)
			assert_part(saw(world, "release", true), "1 modules");
		else
			assert_part(world->err.text, "not of release 0.8.0");
		assert_done(service_stop(&world->fake->site, &world->err), &world->err);
	}
	globfree(&found);
}

static void a_second_server_of_the_site_is_a_no(void **state)
{
	World *world = *state;
	Site second = world->fake->site;
	AUTO(err_clear) Err err = {0};

	second.port = fake_free_port();
	second.recipe = (Recipe){0};
	recipe_copy(&world->fake->site.recipe, &second.recipe);
	strlist_remove(&second.recipe.argv, second.recipe.argv.len - 1);
	strlist_addf(&second.recipe.argv, "%d", second.port);
	assert_done(start_and_wait(world), &world->err);
	assert_done(service_start(&second, &err), &err);
	assert_true(fake_wait_listening(second.port, true));
	assert_error(gate_ask(&world->spec, &world->report, &world->err), &world->err, ERR_VERIFY);
	assert_part(world->err.text, "another server of this site");
	assert_done(service_stop(&second, &err), &err);
	recipe_clear(&second.recipe);
}

static void the_revision_is_asked_of_the_database(void **state)
{
	World *world = *state;
	Site *site = &world->fake->site;
	AUTO(free_auto) char *file = fake_path(world->fake, "webui.db");
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(err_clear) Err err = {0};

	assert_done(sql_open(file, SQL_CREATE, 1000, &sql, &err), &err);
	assert_done(sql_script(sql,
			    "CREATE TABLE alembic_version(version_num TEXT);"
			    "INSERT INTO alembic_version VALUES('c440947495f3');",
			    &err),
		&err);
	site->database = (DatabaseUrl){.kind = DATABASE_SQLITE, .name = file};
	assert_done(database_open(site, &db, &err), &err);
	world->spec.db = db;
	world->spec.head = "a1b2c3d4e5f6";
	assert_done(service_start(site, &err), &err);
	assert_true(fake_wait_listening(world->fake->site.port, true));
	assert_error(gate_ask(&world->spec, &world->report, &err), &err, ERR_VERIFY);
	assert_part(err.text, "'c440947495f3', the release needs 'a1b2c3d4e5f6'");
	world->spec.head = "c440947495f3";
	err_clear(&err);
	assert_done(gate_ask(&world->spec, &world->report, &err), &err);
	assert_done(sql_run(sql, "INSERT INTO alembic_version VALUES('x')", NULL, &err), &err);
	assert_error(gate_ask(&world->spec, &world->report, &err), &err, ERR_VERIFY);
	assert_part(err.text, "2 rows");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(a_good_server_gets_a_yes),
		ROW(each_no_is_named),
		ROW(nobody_there_is_a_no),
		ROW(a_death_is_seen_at_once),
		ROW(standing_still_is_a_no),
		ROW(work_is_waited_for),
		ROW(modules_of_another_release_are_a_no),
		ROW(a_second_server_of_the_site_is_a_no),
		ROW(the_revision_is_asked_of_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
