/* Whatever was written through a freeze is seen by the proof, and nothing else raises an alarm. */
#include "pg_freeze_case.h"

/* Each leaves its trace: the names differ. */
static const char *const writes[] = {
	"INSERT INTO chat (id) VALUES ('new')",
	"DELETE FROM chat WHERE id = 'c9'",
	"DELETE FROM chat WHERE id = 'c8';INSERT INTO chat (id) VALUES ('c8')",
	"UPDATE chat SET n = n WHERE id = 'c7'",
	"SAVEPOINT s;" WRITE ";RELEASE s",
	"SELECT nextval('user_id_seq')",
	"SELECT setval('user_id_seq', 5)",
	"TRUNCATE \"user\"",
	"CREATE TABLE made (x int)",
	"DROP TABLE empty",
	"ALTER TABLE chat ADD extra int",
	"ALTER TABLE chat ALTER n SET DEFAULT 7",
	"ALTER TABLE chat ALTER n SET DEFAULT 8",
	"ALTER TABLE chat ADD CHECK (n < 1000)",
	"CREATE INDEX seen ON chat (n)",
	"CREATE VIEW view AS SELECT 1 AS x",
	"CREATE OR REPLACE VIEW view AS SELECT 2 AS x",
	"CREATE FUNCTION func() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	("CREATE TRIGGER trig BEFORE UPDATE ON chat FOR EACH ROW"
	 " EXECUTE FUNCTION suppress_redundant_updates_trigger()"),
	"GRANT SELECT ON \"user\" TO plain",
	"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO plain",
	"COMMENT ON TABLE chat IS 'ours'",
	"ALTER TYPE mood ADD VALUE 'odd'",
	"CREATE SCHEMA separate",
	"CREATE POLICY policy ON chat USING (true)",
	"CREATE PUBLICATION pub FOR TABLE chat",
	"ALTER PUBLICATION pub ADD TABLE \"user\"",
	"SELECT lo_create(4713)",
};

static void write_it(const char *what)
{
	AUTO(free_auto) char *sql = str_format("BEGIN READ WRITE;%s;COMMIT", what);
	PgSession *writer = client("app");
	const char *state = try(writer, sql);

	pg_disconnect(writer);
	if (strcmp(state, "") != 0)
		fail_msg("%s: SQLSTATE %s", what, state);
}

static void test_what_is_written(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE saved TEMPLATE webui");
	Case made = open_case();

	freeze(&made);
	for (size_t i = 0; i < COUNT_OF(writes); i++) {
		copy(&made, 60000);
		write_it(writes[i]);
		assert_noticed(&made, writes[i]);
		assert_done(database_copy_drop(made.db, SPARE, made.spare_id, RUN, &err), &err);
		assert_done(database_door(made.db, made.live_id, true, &err), &err);
		json_decref(TAKE(made.proof));
		free(TAKE(made.spare_id));
		free(TAKE(made.server_id));
	}
	put_away(&made);
	server_sql("app", "postgres", "DROP DATABASE webui");
	server_sql("app", "postgres", "ALTER DATABASE saved RENAME TO webui");
}

/* What changes nothing that a copy would lack raises no alarm. */
static void test_no_false_alarm(void **state)
{
	static const char *const harmless[] = {"BEGIN READ WRITE;" WRITE ";ROLLBACK",
		"BEGIN READ WRITE;SELECT * FROM chat FOR UPDATE;COMMIT",
		"BEGIN READ WRITE;CREATE TEMPORARY TABLE t (x int);INSERT INTO t VALUES (1);COMMIT",
		"SELECT txid_current()", "SELECT pg_advisory_lock(1)", "NOTIFY more",
		"ANALYZE chat", "VACUUM (FREEZE) chat",
		"SELECT pg_logical_emit_message(true, 'a', 'b')"};
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Case made = open_case();

	freeze(&made);
	copy(&made, 60000);
	for (size_t i = 0; i < COUNT_OF(harmless); i++) {
		PgSession *session = client("app");
		const char *got = try(session, harmless[i]);

		if (strcmp(got, "") != 0)
			fail_msg("%s: SQLSTATE %s", harmless[i], got);
		pg_disconnect(session);
	}
	DatabaseExchange exchange = exchange_of(&made);

	assert_done(database_exchange(made.db, &exchange, &err), &err);
	assert_live(&made, made.spare_id);
	exchange.proof = NULL;
	exchange.live_id = made.spare_id;
	exchange.spare_id = made.live_id;
	exchange.carry = false;
	assert_done(database_exchange(made.db, &exchange, &err), &err);
	assert_live(&made, made.live_id);
	put_away(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written),
		cmocka_unit_test(test_no_false_alarm),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
