#include "database/alembic.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/event.h"
#include "sqlite_site.h"

/* What the driver says when all goes well; a shell script stands in for the release's Python. */
#define SAY(json) "echo 'belay-migrate: " json "'\n"

typedef struct Run {
	Place *place;
	Release target;
	char *log;
	json_t *migrations;
	Err err;
} Run;

static void run_clear(Run *run)
{
	release_clear(&run->target);
	free(run->log);
	json_decref(run->migrations);
	err_clear(&run->err);
}

static bool upgrade(Run *run, int64_t stall_ms)
{
	const MigrationSpec spec = {.site = &run->place->site,
		.target = &run->target,
		.db = run->place->db,
		.place = run->place->spare,
		.scratch_dir = run->place->folder,
		.log_file = run->log,
		.stall_ms = stall_ms,
		.step = "migrate",
		.expected = 2};

	return alembic_upgrade(&spec, &run->migrations, &run->err);
}

static void prepare(Run *run, Place *place, const char *body)
{
	AUTO(free_auto) char *script = str_format("#!/bin/sh\ncat >/dev/null\n%s", body);
	AUTO(err_clear) Err err = {0};

	*run = (Run){.place = place};
	run->target.version = str_dup("0.8.0");
	run->target.python = path_join(place->folder, "python");
	run->target.package_dir = str_dup(place->folder);
	run->log = path_join(place->folder, "log");
	assert_done(file_write_text(run->target.python, script, 0755, &err), &err);
}

static void test_migrations_are_told_in_order(void **state)
{
	AUTO(run_clear) Run run;

	prepare(&run, *state,
		SAY("{\"event\": \"done\", \"revision\": \"b\", \"from\": \"a\", \"ms\": 12}")
			SAY("{\"event\": \"done\", \"revision\": \"c\", \"from\": \"b\", "
			    "\"ms\": 3}") "echo 'belay-migrate: not json'\n" SAY("{\"event\": "
										 "\"finished\"}"));
	assert_done(upgrade(&run, 5000), &run.err);
	AUTO(free_auto) char *line = json_line(run.migrations);
	assert_string_equal(line, "[{\"revision\":\"b\",\"from\":\"a\",\"ms\":12},"
				  "{\"revision\":\"c\",\"from\":\"b\",\"ms\":3}]");
}

static void test_refusal_is_a_failed_verification(void **state)
{
	AUTO(run_clear) Run run;

	prepare(&run, *state,
		SAY("{\"event\": \"refused\", \"what\": \"DATABASE_URL\", \"would\": \"live\", "
		    "\"wanted\": \"spare\"}") "exit 3\n");
	assert_error(upgrade(&run, 5000), &run.err, ERR_VERIFY);
	assert_part(run.err.text, "DATABASE_URL would be 'live' instead of 'spare'");
}

static void test_a_failing_migration_is_named(void **state)
{
	AUTO(run_clear) Run run;

	prepare(&run, *state,
		SAY("{\"event\": \"begins\", \"revision\": \"b\"}") SAY(
			"{\"event\": \"failed\", \"error\": \"DuplicateTable: chat_message\"}") "exit "
												"1\n");
	assert_error(upgrade(&run, 5000), &run.err, ERR_EXEC);
	assert_part(run.err.text, "'b'");
	assert_part(run.err.text, "DuplicateTable");
}

/* Exit 0 alone is not a yes: Open WebUI has swallowed errors before. */
static void test_an_end_without_the_last_word_is_a_failure(void **state)
{
	AUTO(run_clear) Run run;

	prepare(&run, *state, "exit 0\n");
	assert_error(upgrade(&run, 5000), &run.err, ERR_EXEC);
}

static void test_a_stall_ends_it(void **state)
{
	AUTO(run_clear) Run run;

	prepare(&run, *state,
		SAY("{\"event\": \"begins\", \"revision\": \"b\"}") "exec sleep 30\n");
	assert_error(upgrade(&run, 500), &run.err, ERR_TIMEOUT);
	assert_part(run.err.text, "stuck");
}

/* The parts would win over DATABASE_URL, so they must be set, and to nothing. */
static void test_the_environment_names_only_the_copy(void **state)
{
	Place *place = *state;
	AUTO(run_clear) Run run;
	AUTO(free_auto) char *out = NULL;
	AUTO(free_auto) char *spare_url = database_url_of(place->db, place->spare);
	AUTO(free_auto) char *wanted = str_format("\nDATABASE_URL=%s\n", spare_url);

	env_set(&place->site.recipe.env, "DATABASE_HOST", "live.example");
	env_set(&place->site.recipe.env, "DATABASE_URL", "sqlite:////live.db");
	env_set(&place->site.recipe.env, "PGVECTOR_DB_URL", "sqlite:////live.db");
	env_set(&place->site.recipe.env, "DATA_DIR", "/live");
	prepare(&run, place, "echo; env | sort\n" SAY("{\"event\": \"finished\"}"));
	assert_done(upgrade(&run, 5000), &run.err);
	assert_done(file_read(run.log, 1 << 20, &out, NULL, &run.err), &run.err);
	assert_part(out, wanted);
	assert_part(out, "\nDATABASE_HOST=\n");
	assert_part(out, "\nDATABASE_TYPE=\n");
	assert_part(out, "\nENABLE_DB_MIGRATIONS=false\n");
	assert_null(strstr(out, "live.example"));
	assert_null(strstr(out, "/live"));
}

static void test_no_key_is_refused(void **state)
{
	Place *place = *state;
	AUTO(run_clear) Run run;

	env_unset(&place->site.recipe.env, "WEBUI_SECRET_KEY");
	prepare(&run, place, SAY("{\"event\": \"finished\"}"));
	assert_error(upgrade(&run, 5000), &run.err, ERR_VERIFY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_make, place_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_migrations_are_told_in_order),
		CASE(test_refusal_is_a_failed_verification),
		CASE(test_a_failing_migration_is_named),
		CASE(test_an_end_without_the_last_word_is_a_failure),
		CASE(test_a_stall_ends_it),
		CASE(test_the_environment_names_only_the_copy),
		CASE(test_no_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
