#include "pg_freeze_case.h"
#include "database/freeze.h"

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
	wait_for_superusers_to_leave();
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
		AUTO(err_clear) Err why = {0};
		Site site = server.site;
		Err err = {0};

		site.database.query = (char *)settings[i].query;
		if (settings[i].env)
			strlist_add(&site.recipe.env, settings[i].env);
		assert_done(database_open(&site, &db, &err), &err);
		assert_done(database_can_freeze(db, &why, &err), &err);
		if (settings[i].why)
			assert_part(why.text, settings[i].why);
		else
			assert_int_equal(why.kind, ERR_NONE);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freeze_and_thaw),
		cmocka_unit_test(test_thaw_in_two_goes),
		cmocka_unit_test(test_thaw_in_every_state),
		cmocka_unit_test(test_copy_frozen),
		cmocka_unit_test(test_copy_that_cannot_be),
		cmocka_unit_test(test_settings_of_the_application),
		cmocka_unit_test(test_probe_of_the_application),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
