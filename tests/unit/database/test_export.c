/* What was written since the marks, row by row, on SQLite. */
#include "database/export.h"

#include "export_lines.h"
#include "sqlite_site.h"

#define OLD                                                                                        \
	"CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT, old_only TEXT);"                      \
	"CREATE TABLE config (key TEXT, value REAL); CREATE UNIQUE INDEX by_key ON config (key);"  \
	"CREATE TABLE loose (a, b); CREATE TABLE quiet (id INTEGER PRIMARY KEY);"                  \
	"INSERT INTO chat VALUES ('a', 'one', 'x'), ('b', 'two', 'x'), ('c', 'three', 'x');"       \
	"INSERT INTO config VALUES ('k', 1.5); INSERT INTO loose VALUES (1, NULL), (2, 'y');"      \
	"INSERT INTO quiet VALUES (1);"
#define MIGRATION                                                                                  \
	"ALTER TABLE chat ADD COLUMN new_only TEXT; ALTER TABLE chat DROP COLUMN old_only;"        \
	"CREATE TABLE message (id TEXT PRIMARY KEY, body); INSERT INTO quiet VALUES (2);"

static WrittenSpec since(const Place *place, const json_t *marks)
{
	return (WrittenSpec){
		.place = place->live, .before = place->spare, .marks = marks, .grew = true};
}

static json_t *export_of(Place *place, const WrittenSpec *spec)
{
	AUTO(err_clear) Err err = {0};
	json_t *lines = json_object();

	assert_done(database_export_since(place->db, spec, take_line, lines, &err), &err);
	return lines;
}

static json_t *migrate(Place *place)
{
	AUTO(err_clear) Err err = {0};
	json_t *marks = NULL;

	run_script(place->live, "DROP TABLE chat;" OLD);
	assert_done(file_copy(place->live, place->spare, 0600, &err), &err);
	run_script(place->live, MIGRATION);
	assert_done(database_mark(place->db, place->live, &marks, &err), &err);
	return marks;
}

static void test_nothing(void **state)
{
	AUTO(json_release_auto) json_t *marks = migrate(*state);
	const WrittenSpec spec = since(*state, marks);
	AUTO(json_release_auto) json_t *lines = export_of(*state, &spec);

	assert_int_equal(json_object_size(lines), 0);
}

static void test_rows(void **state)
{
	Place *place = *state;
	AUTO(json_release_auto) json_t *marks = migrate(place);

	run_script(place->live,
		"INSERT INTO chat VALUES ('d', '벨레이 \"q\"' || char(10) || '2', 'n');"
		"UPDATE chat SET title = 'changed' WHERE id = 'b'; DELETE FROM chat WHERE id = 'c';"
		"INSERT INTO message VALUES ('m', x'00ff'); UPDATE config SET value = 2.25;"
		"DELETE FROM loose WHERE a = 2");
	const WrittenSpec spec = since(place, marks);
	AUTO(json_release_auto) json_t *lines = export_of(place, &spec);

	assert_lines(lines, "chat",
		"{\"change\":\"added\",\"key\":{\"id\":\"d\"},\"row\":{\"id\":\"d\","
		"\"title\":\"벨레이 \\\"q\\\"\\n2\",\"new_only\":\"n\"}}",
		"{\"change\":\"changed\",\"key\":{\"id\":\"b\"},\"row\":{\"id\":\"b\","
		"\"title\":\"changed\",\"new_only\":null}}",
		"{\"change\":\"deleted\",\"key\":{\"id\":\"c\"}}", NULL);
	assert_lines(lines, "message",
		"{\"change\":\"added\",\"key\":{\"id\":\"m\"},\"row\":{\"id\":\"m\","
		"\"body\":{\"hex\":\"00ff\"}}}",
		NULL);
	assert_lines(lines, "config",
		"{\"change\":\"changed\",\"key\":{\"key\":\"k\"},\"row\":{\"key\":\"k\","
		"\"value\":2.25}}",
		NULL);
	assert_lines(
		lines, "loose", "{\"change\":\"deleted\",\"key\":{\"a\":2,\"b\":\"y\"}}", NULL);
	assert_null(json_object_get(lines, "quiet"));
}

static void test_old_database_is_only_read(void **state)
{
	Place *place = *state;
	AUTO(json_release_auto) json_t *marks = migrate(place);
	AUTO(json_release_auto) json_t *before = NULL;
	AUTO(json_release_auto) json_t *after = NULL;
	AUTO(err_clear) Err err = {0};

	run_script(place->live, "DELETE FROM chat");
	assert_done(database_digests(place->db, place->spare, &before, &err), &err);
	const WrittenSpec spec = since(place, marks);
	AUTO(json_release_auto) json_t *lines = export_of(place, &spec);
	assert_done(database_digests(place->db, place->spare, &after, &err), &err);
	assert_true(json_equal(before, after));
	assert_int_equal(json_array_size(json_object_get(lines, "chat")), 3);
}

static void test_sink_stops_it(void **state)
{
	Place *place = *state;
	AUTO(json_release_auto) json_t *marks = migrate(place);
	AUTO(err_clear) Err err = {0};

	run_script(place->live, "DELETE FROM chat");
	const WrittenSpec spec = since(place, marks);
	assert_error(database_export_since(place->db, &spec, refuse_line, NULL, &err), &err,
		ERR_NO_SPACE);
}

/* Going forward again: what the other database has more was never here. */
static void test_nothing_is_deleted_in_comparison_with_what_it_did_not_grow_from(void **state)
{
	Place *place = *state;
	AUTO(json_release_auto) json_t *marks = migrate(place);

	run_script(place->spare, "INSERT INTO chat VALUES ('z', 'only there', 'x')");
	run_script(place->live, "INSERT INTO chat VALUES ('d', 'new', 'n')");
	WrittenSpec spec = since(place, marks);
	spec.grew = false;
	AUTO(json_release_auto) json_t *lines = export_of(place, &spec);

	assert_lines(lines, "chat",
		"{\"change\":\"added\",\"key\":{\"id\":\"d\"},\"row\":{\"id\":\"d\","
		"\"title\":\"new\",\"new_only\":\"n\"}}",
		NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, place_make, place_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nothing),
		CASE(test_rows),
		CASE(test_old_database_is_only_read),
		CASE(test_sink_stops_it),
		CASE(test_nothing_is_deleted_in_comparison_with_what_it_did_not_grow_from),
	};

	return cmocka_run_group_tests_name("database/export", tests, NULL, NULL);
}
