#include "pg_server.h"

#define RUN   "20261123-134812-restore"
#define SPARE "webui_belay_20261123134812"

typedef struct Stream {
	Text text;
	size_t at;
	size_t end; /* where a source stops; 0: at the end */
} Stream;

static bool keep(void *arg, const void *bytes, size_t len, Err *err)
{
	Stream *stream = arg;

	text_add_bytes(&stream->text, bytes, len);
	return !stream->text.truncated || err_fail(err, ERR_NO_SPACE, "full");
}

static bool give(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	Stream *stream = arg;
	const size_t end = stream->end ? stream->end : stream->text.len;
	const size_t len = end - stream->at < max ? end - stream->at : max;

	(void)err;
	memcpy(bytes, stream->text.data + stream->at, len);
	stream->at += len;
	*ret_len = len;
	return true;
}

static void dump(Database *db, Stream *stream, DumpFigures *figures)
{
	AUTO(free_auto) char *how = NULL;
	Err err = {0};

	assert_done(database_dump(db, keep, stream, figures, &how, &err), &err);
	assert_part(how, "pg_dump 1");
}

static void drop_spare(Database *db)
{
	Err err = {0};

	assert_done(database_copy_drop(db, SPARE, NULL, RUN, &err), &err);
}

/* The stream is an ordinary custom-format dump; restored it has the same content, to the digest,
 * although the enum type has another OID there. */
static void test_round_trip(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Stream stream = {.text = TEXT_INIT(16 << 20)};
	AUTO(dump_figures_clear) DumpFigures figures = {0};
	AUTO(json_release_auto) json_t *was = NULL;
	AUTO(json_release_auto) json_t *is = NULL;
	AUTO(json_release_auto) json_t *shape = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	dump(db, &stream, &figures);
	assert_memory_equal(stream.text.data, "PGDMP", 5);
	assert_int_equal(json_int(json_object_get(figures.tables, "chat"), "rows", 0), 500);
	assert_int_equal(json_object_size(figures.tables), 4);
	assert_string_equal(
		json_str(json_object_get(figures.shape, "sequences"), "public.user_id_seq"), "21");
	assert_true(
		json_equal(json_object_get(figures.shape, "sequences"), figures.sequences_after));

	assert_done(database_restore(db, SPARE, RUN, give, &stream, &err), &err);
	assert_done(database_digests(db, "webui", &was, &err), &err);
	assert_done(database_digests(db, SPARE, &is, &err), &err);
	assert_true(json_equal(was, is));
	assert_true(json_equal(was, figures.tables));
	assert_done(database_shape(db, SPARE, &shape, &err), &err);
	assert_true(json_equal(shape, figures.shape));
	assert_sql("app", SPARE, "SELECT reltuples FROM pg_class WHERE relname = 'chat'", "500");

	server_sql("app", SPARE, "UPDATE chat SET m = 'wild' WHERE id = 'c3'");
	AUTO(json_release_auto) json_t *changed = NULL;
	assert_done(database_digests(db, SPARE, &changed, &err), &err);
	assert_false(json_equal(json_object_get(was, "chat"), json_object_get(changed, "chat")));
	assert_true(json_equal(json_object_get(was, "user"), json_object_get(changed, "user")));

	/* Again over what is there: it is ours and starts anew. */
	stream.at = 0;
	assert_done(database_restore(db, SPARE, RUN, give, &stream, &err), &err);
	drop_spare(db);
	text_clear(&stream.text);
}

/* A dump that was cut off or is none is refused, with pg_restore's own words. */
static void test_bad_streams(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Stream stream = {.text = TEXT_INIT(16 << 20)};
	AUTO(dump_figures_clear) DumpFigures figures = {0};
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	dump(db, &stream, &figures);
	stream.end = stream.text.len / 2;
	assert_error(database_restore(db, SPARE, RUN, give, &stream, &err), &err, ERR_EXEC);
	assert_part(err.text, "pg_restore");
	err_clear(&err);
	text_clear(&stream.text);

	Stream garbage = {.text = TEXT_INIT(100)};
	text_add(&garbage.text, "this is no dump");
	assert_error(database_restore(db, SPARE, RUN, give, &garbage, &err), &err, ERR_EXEC);
	err_clear(&err);
	text_clear(&garbage.text);
	drop_spare(db);
}

/* A full disk on our side is what is told, not the broken pipe of pg_dump. */
static void test_full_sink(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Stream stream = {.text = TEXT_INIT(1000)};
	DumpFigures figures = {0};
	char *how = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	assert_error(database_dump(db, keep, &stream, &figures, &how, &err), &err, ERR_NO_SPACE);
	assert_null(figures.tables);
	err_clear(&err);
	text_clear(&stream.text);
}

/* Digests do not depend on what the role or the database sets. */
static void test_digest_settings(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(json_release_auto) json_t *before = NULL;
	AUTO(json_release_auto) json_t *after = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	assert_done(database_digests(db, "webui", &before, &err), &err);
	server_sql("app", "postgres",
		"ALTER ROLE app SET TimeZone = 'Asia/Seoul'; ALTER ROLE app SET DateStyle = 'German';"
		"ALTER ROLE app SET extra_float_digits = -5; ALTER ROLE app SET bytea_output = 'escape'");
	assert_done(database_digests(db, "webui", &after, &err), &err);
	assert_true(json_equal(before, after));
	server_sql("app", "postgres", "ALTER ROLE app RESET ALL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_streams),
		cmocka_unit_test(test_full_sink),
		cmocka_unit_test(test_digest_settings),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
