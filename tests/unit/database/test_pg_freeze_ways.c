/* Every known way of writing through a freeze; what is written is a matter of
 * test_pg_freeze_writes.c, and who has no session of the application's one of
 * test_pg_freeze_beside.c. */
#include "pg_freeze_case.h"

#include "database/freeze.h"

typedef struct Way {
	const char *name;
	const char *role;
	const char *options; /* PGOPTIONS of the session */
	const char *before;  /* as the same role in database postgres */
	const char *sql;
	const char *why; /* found by database_can_freeze() after `before` */
	const char *after;
	int refused_since; /* the major version of the server that stops it; 0: none does */
} Way;

/* In a transaction of the kind that passes. */
#define WRITING(sql) "BEGIN READ WRITE;" sql ";COMMIT"

static const Way ways[] = {
	{"read write", "app", NULL, NULL, "BEGIN READ WRITE;" WRITE ";COMMIT", NULL, NULL},
	{"set transaction", "app", NULL, NULL, "BEGIN;SET TRANSACTION READ WRITE;" WRITE ";COMMIT",
		NULL, NULL},
	{"set default", "app", NULL, NULL, "SET default_transaction_read_only = off;" WRITE, NULL,
		NULL},
	{"characteristics", "app", NULL, NULL,
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;DELETE FROM chat WHERE id = 'c2'",
		NULL, NULL},
	{"superuser", "postgres", NULL, NULL, "BEGIN READ WRITE;" WRITE ";COMMIT", NULL, NULL},
	{"pgoptions", "app", "-c default_transaction_read_only=off", NULL, WRITE, NULL, NULL},
	{"large object", "postgres", NULL, NULL, "SELECT lo_from_bytea(4711, 'x')", NULL, NULL, 16},
	{"large object of the role", "app", NULL, NULL, "SELECT lo_create(4712)", NULL, NULL, 16},
	{"large object in the open", "app", NULL, NULL, WRITING("SELECT lo_create(4713)"), NULL,
		NULL},
	{"owner thaws it", "app", NULL, NULL,
		"ALTER DATABASE webui RESET default_transaction_read_only", NULL, NULL},
	{"role in database", "app", NULL,
		"ALTER ROLE app IN DATABASE webui SET default_transaction_read_only = off", WRITE,
		"role app has the setting default_transaction_read_only=off",
		"ALTER ROLE app IN DATABASE webui RESET ALL"},
	{"role everywhere", "plain", NULL,
		"ALTER ROLE plain SET default_transaction_read_only = off", WRITE,
		"role plain has the setting default_transaction_read_only=off",
		"ALTER ROLE plain RESET ALL"},
};

static void make_way(const Way *way, const char *sql)
{
	if (sql)
		server_sql(way->role, "postgres", sql);
}

static bool can_freeze(Case *made, char **ret_why)
{
	AUTO(err_clear) Err why = {0};
	Err err = {0};

	assert_done(database_can_freeze(made->db, &why, &err), &err);
	*ret_why = TAKE(why.text);
	return why.kind == ERR_NONE;
}

/* False where this server stops it, as it is said to. */
static bool write_through(const Way *way)
{
	const bool thaws = strstr(way->sql, "ALTER DATABASE") != NULL;
	PgSession *writer = thaws ? server_session("app", "postgres")
				  : client_with(way->role, way->options);
	const bool stopped = way->refused_since &&
			     pg_server_version(writer) / 10000 >= way->refused_since;
	const char *state = try(writer, way->sql);

	pg_disconnect(writer);
	if (strcmp(state, stopped ? "25006" : "") != 0)
		fail_msg("%s: SQLSTATE '%s'", way->name, state);
	if (thaws) {
		writer = client("app");
		assert_string_equal(try(writer, WRITE), "");
		pg_disconnect(writer);
	}
	return !stopped;
}

/* Writes through a freeze: what can be seen before is told before; the rest writes, and then the
 * exchange refuses and changes nothing. */
static void try_way(const Way *way)
{
	Case made = open_case();
	AUTO(free_auto) char *why = NULL;

	make_way(way, way->before);
	assert_int_equal(can_freeze(&made, &why), way->why == NULL);
	if (way->why) {
		assert_part(why, way->why);
		/* As if it were set after the question. */
		make_way(way, way->after);
		freeze(&made);
		copy(&made, 60000);
		make_way(way, way->before);
	} else {
		freeze(&made);
		copy(&made, 60000);
	}
	if (write_through(way)) {
		make_way(way, way->after);
		wait_for_superusers_to_leave();
		assert_noticed(&made, way->name);
	}
	put_away(&made);
}

static void test_ways_through(void **state)
{
	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE saved TEMPLATE webui");
	server_sql("app", "webui", "GRANT ALL ON chat TO plain");
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		try_way(&ways[i]);
		server_sql("app", "postgres", "DROP DATABASE webui");
		server_sql("app", "postgres", "CREATE DATABASE webui TEMPLATE saved");
		server_sql("app", "webui", "GRANT ALL ON chat TO plain");
	}
	server_sql("app", "postgres", "DROP DATABASE webui");
	server_sql("app", "postgres", "ALTER DATABASE saved RENAME TO webui");
}

/* Written by another session from within a frozen one, where the extension is installed. */
static void test_dblink(void **state)
{
	static const char available[] =
		"SELECT count(*) FROM pg_available_extensions WHERE name = 'dblink'";

	(void)state;
	NEED_SERVER();
	AUTO(free_auto) char *there = server_ask("postgres", "postgres", available);
	if (!str_is(there, "1"))
		skip();
	server_sql("postgres", "webui", "CREATE EXTENSION dblink SCHEMA public");
	Case made = open_case();

	freeze(&made);
	copy(&made, 60000);
	AUTO(free_auto)
	char *sql = str_format(
		"SELECT public.dblink_exec('host=127.0.0.1 port=%d dbname=webui user=app"
		" password=app-secret options=-cdefault_transaction_read_only=off',"
		" 'UPDATE public.chat SET n = 3 WHERE id = ''c3''')",
		server.port);
	PgSession *writer = client("app");
	assert_string_equal(try(writer, sql), "");
	pg_disconnect(writer);
	assert_noticed(&made, "dblink");
	put_away(&made);
	server_sql("postgres", "webui", "DROP EXTENSION dblink");
}

/* Told before; where it is prepared later, the freeze itself or the exchange stops at it. */
static void test_prepared(void **state)
{
	AUTO(free_auto) char *why = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	PgSession *writer = client("app");
	assert_string_equal(try(writer, "BEGIN;" WRITE ";PREPARE TRANSACTION 'p'"), "");
	assert_false(can_freeze(&made, &why));
	assert_part(why, "prepared transaction 'p'");
	assert_error(database_freeze(made.db, made.live_id, &err), &err, ERR_DATABASE);
	assert_part(err.text, "still writes to the database: a prepared transaction");
	err_clear(&err);
	pg_disconnect(writer);
	thaw(&made, made.live_id);
	server_sql("app", "webui", "ROLLBACK PREPARED 'p'");

	/* Begun and prepared while frozen, committed by a frozen session. */
	freeze(&made);
	copy(&made, 60000);
	writer = client("app");
	assert_string_equal(try(writer, "BEGIN READ WRITE;" WRITE ";PREPARE TRANSACTION 'q'"), "");
	pg_disconnect(writer);
	writer = client("app");
	assert_string_equal(try(writer, "COMMIT PREPARED 'q'"), "");
	pg_disconnect(writer);
	assert_noticed(&made, "COMMIT PREPARED");
	put_away(&made);
}

/* Somebody who came in writing while the older ones were ended makes the freeze fail, named. */
static void test_writer_inside(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	freeze(&made);
	PgSession *writer = client("postgres");
	assert_string_equal(try(writer, "BEGIN READ WRITE;" WRITE), "");
	/* A superuser's session is not for 'app' to end, so it is seen before. */
	AUTO(free_auto) char *why = NULL;
	assert_false(can_freeze(&made, &why));
	assert_part(why, "may not end");
	server.site.disconnect_others = true;
	assert_error(database_freeze(made.db, made.live_id, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "admin_url");
	err_clear(&err);
	server.site.disconnect_others = false;
	pg_disconnect(writer);
	put_away(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways_through),
		cmocka_unit_test(test_dblink),
		cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_writer_inside),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
