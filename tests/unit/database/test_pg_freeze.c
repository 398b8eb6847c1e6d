#include "base/clock.h"
#include "base/fault.h"
#include "pg_server.h"

#define RUN   "20261123-134812-upgrade"
#define SPARE "webui_belay_20261123134812"

/* What a test works on; a made copy too, once there is one. */
typedef struct Case {
	Database *db;
	char *live_id, *spare_id, *server_id;
	json_t *proof;
	int64_t gap_ms;
} Case;

static char *id_of(Database *db, const char *place)
{
	char *id = NULL;
	Err err = {0};

	assert_done(database_id(db, place, &id, &err), &err);
	return id;
}

static Case open_case(void)
{
	Case made = {0};
	Err err = {0};

	assert_done(database_open(&server.site, &made.db, &err), &err);
	made.live_id = id_of(made.db, "webui");
	return made;
}

static bool is_frozen(Case *made, const char *id)
{
	bool frozen = false;
	Err err = {0};

	assert_done(database_is_frozen(made->db, id, &frozen, &err), &err);
	return frozen;
}

static void freeze(Case *made)
{
	Err err = {0};

	assert_done(database_freeze(made->db, made->live_id, &err), &err);
	assert_true(is_frozen(made, made->live_id));
}

static void thaw(Case *made, const char *id)
{
	Err err = {0};

	assert_done(database_thaw(made->db, id, &err), &err);
	assert_false(is_frozen(made, id));
}

static void copy(Case *made, int64_t max_gap_ms)
{
	DatabaseAbout about = {0};
	Err err = {0};

	assert_done(database_copy_frozen(
			    made->db, SPARE, RUN, max_gap_ms, &made->proof, &made->gap_ms, &err),
		&err);
	assert_done(database_about(made->db, &about, &err), &err);
	made->server_id = TAKE(about.server_id);
	database_about_clear(&about);
	made->spare_id = id_of(made->db, SPARE);
}

static DatabaseExchange exchange_of(const Case *made)
{
	return (DatabaseExchange){.spare = SPARE,
		.live_id = made->live_id,
		.spare_id = made->spare_id,
		.server_id = made->server_id,
		.run = RUN,
		.proof = made->proof,
		.carry = true};
}

static void assert_live(const Case *made, const char *id)
{
	AUTO(free_auto) char *there = id_of(made->db, "webui");

	assert_string_equal(there, id);
}

/* Back to one database 'webui' that is open and thawed. */
static void put_away(Case *made)
{
	AUTO(free_auto) char *spare = id_of(made->db, SPARE);
	AUTO(free_auto) char *live = id_of(made->db, "webui");
	Err err = {0};

	if (spare)
		assert_done(database_copy_drop(made->db, SPARE, spare, RUN, &err), &err);
	thaw(made, live);
	assert_done(database_door(made->db, live, true, &err), &err);
	database_close(made->db);
	json_decref(made->proof);
	free(made->live_id);
	free(made->spare_id);
	free(made->server_id);
	*made = (Case){0};
}

/* SQLSTATE of a statement, "" when it went well. Transactions in several steps with ';'. */
static const char *try(PgSession *session, const char *sql)
{
	static char state[6];
	AUTO(strlist_clear) StrList parts = {0};
	Err err = {0};

	state[0] = '\0';
	strlist_split(&parts, sql, ";");
	for (size_t i = 0; i < parts.len && !state[0]; i++) {
		if (!pg_run(session, parts.items[i], &err))
			snprintf(state, sizeof(state), "%s", pg_state(session));
		err_clear(&err);
	}
	return state;
}

/* The application's kind of session, which nothing of ours has made writable. */
static PgSession *client_with(const char *role, const char *options)
{
	DatabaseUrl url = server_url(role, "webui");
	PgSession *session = NULL;
	Err err = {0};

	assert_done(pg_connect_as_is(&url, options, &session, &err), &err);
	database_url_clear(&url);
	return session;
}

static PgSession *client(const char *role)
{
	return client_with(role, NULL);
}

#define WRITE "UPDATE chat SET n = 1 WHERE id = 'c1'"

/* Reading goes on and writing is refused, to superusers too, until the thaw. */
static void test_freeze_and_thaw(void **state)
{
	static const char *const refused[] = {WRITE, "TRUNCATE chat", "CREATE TABLE more (x int)",
		"SELECT nextval('user_id_seq')", "BEGIN;SELECT 1;SET TRANSACTION READ WRITE"};

	(void)state;
	NEED_SERVER();
	Case made = open_case();
	PgSession *older = client("app");

	assert_false(is_frozen(&made, made.live_id));
	freeze(&made);
	assert_string_equal(try(older, "SELECT 1"), "08006"); /* it was ended */
	pg_disconnect(older);
	for (int i = 0; i < 2; i++) {
		for (size_t s = 0; s < COUNT_OF(refused); s++) {
			PgSession *session = client(i ? "postgres" : "app");

			assert_string_equal(try(session, "SELECT count(*) FROM chat"), "");
			assert_string_equal(try(session, refused[s]), s == 4 ? "25001" : "25006");
			pg_disconnect(session);
		}
	}
	freeze(&made); /* again: nothing changes */
	PgSession *pooled = client("app");

	thaw(&made, made.live_id);
	/* It would have stayed read-only for its whole life. */
	assert_string_equal(try(pooled, WRITE), "08006");
	pg_disconnect(pooled);
	pooled = client("app");
	assert_string_equal(try(pooled, WRITE), "");
	thaw(&made, made.live_id);
	assert_string_equal(try(pooled, WRITE), ""); /* nothing frozen: nobody is ended */
	pg_disconnect(pooled);
	put_away(&made);
}

/* A thaw that was killed half way is finished by the next one. */
static void test_thaw_in_two_goes(void **state)
{
	(void)state;
	NEED_SERVER();
	Case made = open_case();

	freeze(&made);
	PgSession *pooled = client("app");

	server_sql(
		"app", "postgres", "ALTER DATABASE webui SET default_transaction_read_only = off");
	assert_true(is_frozen(&made, made.live_id));
	assert_string_equal(try(pooled, WRITE), "25006");
	thaw(&made, made.live_id);
	assert_string_equal(try(pooled, WRITE), "08006");
	pg_disconnect(pooled);
	put_away(&made);
}

/* By id, whatever the name, the door shut or the database gone. */
static void test_thaw_in_every_state(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	freeze(&made);
	server_sql("app", "postgres",
		"ALTER DATABASE webui ALLOW_CONNECTIONS false;"
		"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'webui'");
	server_sql("app", "postgres", "ALTER DATABASE webui RENAME TO elsewhere");
	assert_true(is_frozen(&made, made.live_id));
	thaw(&made, made.live_id);
	server_sql("app", "postgres",
		"ALTER DATABASE elsewhere RENAME TO webui; ALTER DATABASE webui ALLOW_CONNECTIONS true");
	assert_sql("app", "webui", "SHOW default_transaction_read_only", "off");
	thaw(&made, "1");
	assert_error(database_freeze(made.db, "1", &err), &err, ERR_FOREIGN);
	err_clear(&err);
	put_away(&made);
}

static void assert_copied(Case *made)
{
	AUTO(json_release_auto) json_t *live = NULL;
	AUTO(json_release_auto) json_t *spare = NULL;
	bool open = false;
	Err err = {0};

	assert_true(is_frozen(made, made->live_id));
	assert_false(is_frozen(made, made->spare_id));
	assert_done(database_door_is_open(made->db, made->live_id, &open, &err), &err);
	assert_true(open);
	assert_done(database_digests(made->db, "webui", &live, &err), &err);
	assert_done(database_digests(made->db, SPARE, &spare, &err), &err);
	AUTO(free_auto) char *live_line = json_line(live);
	AUTO(free_auto) char *spare_line = json_line(spare);
	assert_string_equal(live_line, spare_line);
	/* The migration can write to it as the application's role does. */
	server_sql("app", SPARE, "ALTER TABLE chat ADD COLUMN new int");
	assert_sql("app", "postgres",
		"SELECT string_agg(c, ' ') FROM pg_db_role_setting, unnest(setconfig) c"
		" WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = '" SPARE "')",
		"work_mem=7MB");
}

/* Both ways: the copy is the same, readers come back in or were never put out, the proof holds, the
 * old one stays frozen behind a shut door, and a rollback brings it back thawed. */
static void test_copy_frozen(void **state)
{
	static const int64_t gaps[] = {60000, 0};

	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres", "ALTER DATABASE webui SET work_mem = '7MB'");
	for (size_t i = 0; i < COUNT_OF(gaps); i++) {
		Case made = open_case();
		Err err = {0};
		bool open = true;

		freeze(&made);
		PgSession *reader = client("app");

		copy(&made, gaps[i]);
		assert_string_equal(try(reader, "SELECT count(*) FROM chat"), i ? "" : "08006");
		pg_disconnect(reader);
		assert_int_equal(made.gap_ms > 0, i == 0);
		assert_copied(&made);
		reader = client("app"); /* is inside when the exchange comes */
		DatabaseExchange exchange = exchange_of(&made);

		assert_done(database_exchange(made.db, &exchange, &err), &err);
		pg_disconnect(reader);
		assert_live(&made, made.spare_id);
		assert_true(is_frozen(&made, made.live_id));
		assert_false(is_frozen(&made, made.spare_id));
		assert_done(database_door_is_open(made.db, made.live_id, &open, &err), &err);
		assert_false(open);

		exchange.proof = NULL;
		exchange.live_id = made.spare_id;
		exchange.spare_id = made.live_id;
		exchange.carry = false;
		assert_done(database_exchange(made.db, &exchange, &err), &err);
		assert_live(&made, made.live_id);
		assert_false(is_frozen(&made, made.live_id));
		assert_done(database_door(made.db, made.live_id, true, &err), &err);
		PgSession *writer = client("app");
		assert_string_equal(try(writer, WRITE), "");
		pg_disconnect(writer);
		put_away(&made);
	}
	server_sql("app", "postgres", "ALTER DATABASE webui RESET ALL");
}

/* A copy of what is not frozen proves nothing, and a failed one lets the readers in again. */
static void test_copy_that_cannot_be(void **state)
{
	json_t *proof = NULL;
	int64_t gap_ms = -1;
	bool open = false;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	assert_error(database_copy_frozen(made.db, SPARE, RUN, 60000, &proof, &gap_ms, &err), &err,
		ERR_INTERNAL);
	err_clear(&err);
	freeze(&made);
	server_sql("postgres", "postgres", "ALTER ROLE app NOCREATEDB");
	for (int i = 0; i < 2; i++) {
		assert_error(database_copy_frozen(
				     made.db, SPARE, RUN, i ? 60000 : 0, &proof, &gap_ms, &err),
			&err, ERR_DATABASE);
		assert_part(err.hint, "CREATEDB");
		err_clear(&err);
		assert_done(database_door_is_open(made.db, made.live_id, &open, &err), &err);
		assert_true(open);
	}
	server_sql("postgres", "postgres", "ALTER ROLE app CREATEDB");
	put_away(&made);
}

/* -- the ways through -------------------------------------------------------------------------- */

typedef struct Way {
	const char *name;
	const char *role;
	const char *options; /* PGOPTIONS of the session */
	const char *before;  /* as the same role in database postgres */
	const char *sql;
	const char *why; /* found by database_can_freeze() after `before` */
	const char *after;
} Way;

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
	{"large object", "postgres", NULL, NULL, "SELECT lo_from_bytea(4711, 'x')", NULL, NULL},
	{"large object of the role", "app", NULL, NULL, "SELECT lo_create(4712)", NULL, NULL},
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
	Err err = {0};

	assert_done(database_can_freeze(made->db, ret_why, &err), &err);
	return !*ret_why;
}

/* Writes through a freeze: what can be seen before is told before; the rest writes, and then the
 * exchange refuses and changes nothing. */
static void try_way(const Way *way)
{
	Case made = open_case();
	AUTO(free_auto) char *why = NULL;
	Err err = {0};

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
	PgSession *writer = strstr(way->sql, "ALTER DATABASE")
				    ? server_session("app", "postgres")
				    : client_with(way->role, way->options);
	const char *state = try(writer, way->sql);

	pg_disconnect(writer);
	if (strcmp(state, "") != 0)
		fail_msg("%s: SQLSTATE %s", way->name, state);
	if (strstr(way->sql, "ALTER DATABASE")) {
		writer = client("app");
		assert_string_equal(try(writer, WRITE), "");
		pg_disconnect(writer);
	}
	make_way(way, way->after);
	const DatabaseExchange exchange = exchange_of(&made);

	if (database_exchange(made.db, &exchange, &err))
		fail_msg("%s: exchanged", way->name);
	assert_int_equal(err.kind, ERR_FOREIGN);
	assert_part(err.text, "was changed after it was copied");
	err_clear(&err);
	assert_live(&made, made.live_id);
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
	Err err = {0};

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
	const DatabaseExchange exchange = exchange_of(&made);
	assert_error(database_exchange(made.db, &exchange, &err), &err, ERR_FOREIGN);
	err_clear(&err);
	assert_live(&made, made.live_id);
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
	const DatabaseExchange exchange = exchange_of(&made);
	assert_error(database_exchange(made.db, &exchange, &err), &err, ERR_FOREIGN);
	err_clear(&err);
	assert_live(&made, made.live_id);
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
	assert_error(database_freeze(made.db, made.live_id, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "admin_url");
	err_clear(&err);
	pg_disconnect(writer);
	put_away(&made);
}

typedef struct Setting {
	const char *query; /* of the URL */
	const char *env;   /* of the application */
	const char *why;
} Setting;

static void test_settings_of_the_application(void **state)
{
	static const Setting settings[] = {
		{NULL, NULL, NULL},
		{"options=-c%20statement_timeout%3D9000", "PGOPTIONS=-c lock_timeout=9000", NULL},
		{"options=-c%20default_transaction_read_only%3Doff", NULL, "the database URL sets"},
		{NULL, "PGOPTIONS=-c default_transaction_read_only=off", "environment sets"},
		{"target_session_attrs=read-write", NULL, "the database URL asks for"},
		{NULL, "PGTARGETSESSIONATTRS=read-write", "environment asks for"},
	};

	(void)state;
	NEED_SERVER();
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		AUTO(database_close_auto) Database *db = NULL;
		AUTO(free_auto) char *why = NULL;
		Site site = server.site;
		Err err = {0};

		site.database.query = (char *)settings[i].query;
		if (settings[i].env)
			strlist_add(&site.recipe.env, settings[i].env);
		assert_done(database_open(&site, &db, &err), &err);
		assert_done(database_can_freeze(db, &why, &err), &err);
		if (settings[i].why)
			assert_part(why, settings[i].why);
		else
			assert_null(why);
		strlist_clear(&site.recipe.env);
	}
}

/* If the application's own way in can write, the freeze says so. */
static void test_probe_of_the_application(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Site site = server.site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	strlist_add(&site.recipe.env, "PGOPTIONS=-c default_transaction_read_only=off");
	assert_done(database_open(&site, &db, &err), &err);
	assert_error(database_freeze(db, made.live_id, &err), &err, ERR_VERIFY);
	assert_part(err.text, "role 'app' can still write");
	err_clear(&err);
	strlist_clear(&site.recipe.env);
	put_away(&made);
}

/* -- kill -9 of the server --------------------------------------------------------------------- */

typedef enum { AFTER_FREEZE, DURING_COPY, BEFORE_COMMIT, AFTER_COMMIT } Moment;

static void kill_server(void)
{
	AUTO(free_auto) char *path = path_join(server.dir, "data/postmaster.pid");
	AUTO(free_auto) char *text = NULL;
	Err err = {0};
	pid_t pid;

	assert_done(file_read(path, 4096, &text, NULL, &err), &err);
	pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	/* Its children notice by themselves and leave. */
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void start_again(void)
{
	const Deadline deadline = deadline_in(20000);
	Err err = {0};

	/* The children of the dead one keep its shared memory for a moment. */
	for (server.running = false; !server.running && deadline_left_ms(deadline) > 0;) {
		err_clear(&err);
		server.running = server_try_port(server.port, &err);
	}
	assert_done(server.running, &err);
}

/* A child does the work, so that the server can die in the middle of it. */
static pid_t work(const Case *made, Moment moment)
{
	const pid_t child = fork();
	Case own = {.live_id = made->live_id};
	Err err = {0};

	if (child != 0)
		return child;
#ifdef BELAY_TEST
	fault_restart();
#endif
	if (!database_open(&server.site, &own.db, &err))
		_exit(1);
	if (moment == DURING_COPY) {
		setenv("BELAY_FAULT", "kill@pg-comment", 1);
		if (!database_copy_frozen(own.db, SPARE, RUN, 60000, &own.proof, &own.gap_ms, &err))
			_exit(1);
		_exit(0);
	}
	if (moment == BEFORE_COMMIT)
		setenv("BELAY_FAULT", "kill@pg-exchange-commit", 1);
	const DatabaseExchange exchange = exchange_of(made);

	_exit(database_exchange(own.db, &exchange, &err) ? 0 : 1);
}

static void assert_serves(Case *made, const char *id)
{
	Err err = {0};

	assert_live(made, id);
	thaw(made, id);
	assert_done(database_door(made->db, id, true, &err), &err);
	PgSession *writer = client("app");
	assert_string_equal(try(writer, WRITE), "");
	pg_disconnect(writer);
	assert_sql("app", "webui", "SELECT count(*) FROM chat", "500");
}

/* Afterwards the ids tell where everything is, and thaw and door give a database that serves. */
static void test_killed_server(void **state)
{
	(void)state;
	NEED_SERVER();
#ifndef BELAY_TEST
	skip();
#endif
	for (Moment moment = AFTER_FREEZE; moment <= AFTER_COMMIT; moment++) {
		Case made = open_case();
		int status = 0;

		freeze(&made);
		if (moment >= BEFORE_COMMIT)
			copy(&made, moment == AFTER_COMMIT ? 60000 : 0);
		if (moment >= DURING_COPY) {
			const pid_t child = work(&made, moment);

			assert_int_equal(waitpid(child, &status, 0), child);
			assert_int_equal(WIFSIGNALED(status), moment != AFTER_COMMIT);
		}
		kill_server();
		start_again();
		assert_true(is_frozen(&made, made.live_id));
		assert_serves(&made, moment == AFTER_COMMIT ? made.spare_id : made.live_id);
		put_away(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freeze_and_thaw),
		cmocka_unit_test(test_thaw_in_two_goes),
		cmocka_unit_test(test_thaw_in_every_state),
		cmocka_unit_test(test_copy_frozen),
		cmocka_unit_test(test_copy_that_cannot_be),
		cmocka_unit_test(test_ways_through),
		cmocka_unit_test(test_dblink),
		cmocka_unit_test(test_prepared),
		cmocka_unit_test(test_writer_inside),
		cmocka_unit_test(test_settings_of_the_application),
		cmocka_unit_test(test_probe_of_the_application),
		cmocka_unit_test(test_killed_server),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
