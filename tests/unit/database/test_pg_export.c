/* What was written since the marks, row by row, on a PostgreSQL server. */
#include "database/export.h"

#include "export_lines.h"
#include "pg_server.h"

#define SPARE "webui_belay_20261123134812"

/* "webui" is what a migration made of SPARE. */
static json_t *make_both(Database *db)
{
	AUTO(err_clear) Err err = {0};
	json_t *marks = NULL;

	server_sql("app", "webui",
		"CREATE TABLE quiet (id int PRIMARY KEY); INSERT INTO quiet VALUES (1), (2);"
		"CREATE TABLE note (id text NOT NULL, data json); CREATE UNIQUE INDEX ON note (id);"
		"INSERT INTO note VALUES ('gone in the migration', '{}'), ('stays', '{}');"
		"CREATE TABLE loose (a int, \"t\" text); INSERT INTO loose VALUES (1, 'x'), (1, 'x')");
	server_sql("app", "postgres", "CREATE DATABASE " SPARE " TEMPLATE webui");
	server_sql("app", "webui",
		"CREATE TABLE message (id bigserial PRIMARY KEY, \"b\"\"c\" bytea);"
		"INSERT INTO quiet VALUES (3); ALTER TABLE chat ADD COLUMN added text;"
		"UPDATE chat SET added = 'migrated'; DELETE FROM note WHERE id LIKE 'gone%'");
	assert_done(database_mark(db, "webui", &marks, &err), &err);
	return marks;
}

static void drop_both(void)
{
	server_sql("app", "postgres", "DROP DATABASE " SPARE);
	server_sql("app", "webui", "DROP TABLE quiet, note, loose, message");
	server_sql("app", "webui", "ALTER TABLE chat DROP COLUMN added");
}

static void write_something(void)
{
	server_sql("app", "webui",
		"INSERT INTO chat VALUES ('new', '{\"t\":\n\"벨레이\\n2\"}', 0.5, NULL, 'wild');"
		"UPDATE chat SET n = 7 WHERE id = 'c12'; DELETE FROM chat WHERE id = 'c499';"
		"INSERT INTO message (\"b\"\"c\") VALUES ('\\x00ff');"
		"INSERT INTO note VALUES ('later', '[]'); DELETE FROM loose WHERE ctid = '(0,1)'");
}

static void assert_part_of(const json_t *lines, size_t index, const char *part)
{
	AUTO(free_auto) char *line = json_line(json_array_get(lines, index));

	assert_part(line, part);
}

static void test_rows(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(json_release_auto) json_t *marks = NULL;
	AUTO(json_release_auto) json_t *none = json_object();
	AUTO(json_release_auto) json_t *lines = json_object();
	AUTO(err_clear) Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	marks = make_both(db);
	const WrittenSpec spec = {.place = "webui", .before = SPARE, .marks = marks, .grew = true};
	assert_done(database_export_since(db, &spec, take_line, none, &err), &err);
	assert_int_equal(json_object_size(none), 0);
	write_something();
	/* As in a rollback, where nobody is let in any more. */
	server_sql("postgres", "postgres", "ALTER DATABASE " SPARE " ALLOW_CONNECTIONS false");
	assert_done(database_export_since(db, &spec, take_line, lines, &err), &err);
	server_sql("postgres", "postgres", "ALTER DATABASE " SPARE " ALLOW_CONNECTIONS true");

	const json_t *chats = json_object_get(lines, "chat");
	assert_int_equal(json_array_size(chats), 3);
	assert_part_of(chats, 0, "\"change\":\"changed\",\"key\":{\"id\":\"c12\"},\"row\":{");
	assert_part_of(chats, 0, "\"added\":\"migrated\"");
	assert_part_of(chats, 1, "{\"change\":\"deleted\",\"key\":{\"id\":\"c499\"}}");
	assert_part_of(chats, 2, "\"change\":\"added\",\"key\":{\"id\":\"new\"}");
	assert_part_of(chats, 2, "\"chat\":{\"t\":\"벨레이\\n2\"}");
	assert_lines(lines, "message",
		"{\"change\":\"added\",\"key\":{\"id\":1},\"row\":{\"id\":1,\"b\\\"c\":\"\\\\x00ff\"}}",
		NULL);
	assert_lines(lines, "note",
		"{\"change\":\"added\",\"key\":{\"id\":\"later\"},\"row\":{\"id\":\"later\",\"data\":[]}}",
		NULL);
	assert_lines(
		lines, "loose", "{\"change\":\"deleted\",\"key\":{\"a\":1,\"t\":\"x\"}}", NULL);
	assert_null(json_object_get(lines, "quiet"));
	assert_error(database_export_since(db, &spec, refuse_line, NULL, &err), &err, ERR_NO_SPACE);
	database_close(TAKE(db));
	drop_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("database/pg_export", tests, server_start, server_stop);
}
