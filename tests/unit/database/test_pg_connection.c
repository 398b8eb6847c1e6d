#include "database/pg_connection.h"

#include "base/clock.h"
#include "pg_server.h"

typedef struct Refusal {
	const char *role, *password, *database;
	int port; /* 0: the server's */
	const char *text, *hint;
} Refusal;

/* Each reason not to get in is told apart, and says what to type. */
static void test_refusals(void **state)
{
	static const Refusal refusals[] = {
		{"app", "wrong", "webui", 0, "does not let role 'app' in", "psql"},
		{"nobody", "x", "webui", 0, "does not let role 'nobody' in", "psql"},
		{"app", "app-secret", "absent", 0, "there is no database 'absent'", " -l"},
		{"app", "app-secret", "shut", 0, "the door of database 'shut' is shut",
			"belay resume"},
		{"plain", "plain-secret", "private", 0, "may not connect to database 'private'",
			"GRANT CONNECT ON DATABASE \"private\" TO \"plain\";"},
		{"app", "app-secret", "webui", 1, "no PostgreSQL server answers at 127.0.0.1:1",
			"pg_isready"},
	};

	(void)state;
	NEED_SERVER();
	server_sql("postgres", "postgres", "CREATE DATABASE shut");
	server_sql("postgres", "postgres", "ALTER DATABASE shut ALLOW_CONNECTIONS false");
	server_sql("postgres", "postgres", "CREATE DATABASE private");
	server_sql("postgres", "postgres", "REVOKE CONNECT ON DATABASE private FROM PUBLIC");
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const Refusal *refusal = &refusals[i];
		DatabaseUrl url = {.host = (char *)"127.0.0.1",
			.kind = DATABASE_POSTGRES,
			.user = (char *)refusal->role,
			.password = (char *)refusal->password,
			.port = refusal->port ? refusal->port : server.port};
		const char *const databases[] = {refusal->database, NULL};
		AUTO(err_clear) Err err = {0};
		PgSession *session = NULL;

		assert_error(pg_connect(&url, databases, &session, &err), &err, ERR_DATABASE);
		assert_part(err.text, refusal->text);
		assert_part(err.hint, refusal->hint);
		assert_null(strstr(err.text, refusal->password[0] == 'w' ? "wrong" : "-secret"));
	}
}

static void test_first_that_lets_in(void **state)
{
	DatabaseUrl url;
	const char *const databases[] = {"absent", "webui", NULL};
	PgSession *session = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	url = server_url("app", "x");
	assert_done(pg_connect(&url, databases, &session, &err), &err);
	assert_string_equal(pg_database(session), "webui");
	AUTO(free_auto) char *version = server_ask("app", "webui", "SHOW server_version_num");
	assert_int_equal(pg_server_version(session), atoi(version));
	pg_disconnect(session);
	database_url_clear(&url);
}

static void test_parameters_and_errors(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	PgSession *session = server_session("app", "webui");
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {"it's", "7", NULL};

	assert_done(
		pg_query(session, "SELECT $1::text, $2::int + 1, NULL, true", params, &rows, &err),
		&err);
	assert_int_equal(pg_rows(rows), 1);
	assert_string_equal(pg_text(rows, 0, 0), "it's");
	assert_int_equal(pg_int(rows, 0, 1), 8);
	assert_null(pg_text(rows, 0, 2));
	assert_true(pg_bool(rows, 0, 3));

	assert_error(pg_run(session, "SELECT 1/0", &err), &err, ERR_DATABASE);
	assert_string_equal(pg_state(session), "22012");
	assert_part(err.text, "division by zero (22012)");
	assert_true(pg_alive(session));
	err_clear(&err);

	/* The role's own defaults do not count: an acknowledged rename must be on the disk. */
	AUTO(free_auto) char *commit = NULL;
	assert_done(pg_value(session, "SHOW synchronous_commit", NULL, &commit, &err), &err);
	assert_string_equal(commit, "on");
	pg_disconnect(session);
}

/* A statement over its limit is cancelled, and the session can go on. */
static void test_limit(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	PgSession *session = server_session("app", "webui");
	const int64_t start = clock_mono_ms();

	pg_limit(session, 100);
	assert_error(pg_run(session, "SELECT pg_sleep(30)", &err), &err, ERR_TIMEOUT);
	assert_true(clock_mono_ms() - start < 5000);
	assert_string_equal(pg_state(session), "57014");
	assert_true(pg_alive(session));
	pg_disconnect(session);
	err_clear(&err);
}

static void test_lost_connection(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	PgSession *session = server_session("app", "webui");

	assert_error(pg_run(session, "SELECT pg_terminate_backend(pg_backend_pid())", &err), &err,
		ERR_DATABASE);
	assert_false(pg_alive(session));
	err_clear(&err);
	assert_error(pg_run(session, "SELECT 1", &err), &err, ERR_DATABASE);
	assert_string_equal(pg_state(session), "08006");
	pg_disconnect(session);
	err_clear(&err);
}

static void test_quoting(void **state)
{
	AUTO(free_auto) char *name = pg_ident("a\"b");
	AUTO(free_auto) char *value = pg_literal("it's \\");
	AUTO(free_auto) char *none = pg_literal(NULL);

	(void)state;
	assert_string_equal(name, "\"a\"\"b\"");
	assert_string_equal(value, "'it''s \\'");
	assert_string_equal(none, "NULL");
}

static void test_environment(void **state)
{
	const DatabaseUrl url = {.kind = DATABASE_POSTGRES,
		.user = (char *)"app",
		.password = (char *)"s3cret",
		.host = (char *)"db.example",
		.port = 5433,
		.name = (char *)"webui",
		.query = (char *)"sslmode=require"};
	AUTO(strlist_clear) StrList env = {0};

	(void)state;
	pg_environment(&url, "other", &env);
	assert_string_equal(env_get(&env, "PGHOST"), "db.example");
	assert_string_equal(env_get(&env, "PGPORT"), "5433");
	assert_string_equal(env_get(&env, "PGUSER"), "app");
	assert_string_equal(env_get(&env, "PGPASSWORD"), "s3cret");
	assert_string_equal(env_get(&env, "PGDATABASE"), "other");
	assert_string_equal(env_get(&env, "PGSSLMODE"), "require");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_first_that_lets_in),
		cmocka_unit_test(test_parameters_and_errors),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_lost_connection),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
