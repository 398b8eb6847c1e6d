#include "database/database.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sqlite_site.h"

static char *id_of(Place *place, const char *path)
{
	AUTO(err_clear) Err err = {0};
	char *id = NULL;

	assert_done(database_id(place->db, path, &id, &err), &err);
	return id;
}

static json_t *copy(Place *place)
{
	AUTO(err_clear) Err err = {0};
	json_t *proof = NULL;

	assert_done(database_copy_make(place->db, place->spare, RUN, &proof, &err), &err);
	return proof;
}

static bool exchange(
	Place *place, const char *live_id, const char *spare_id, const json_t *proof, Err *err)
{
	const DatabaseExchange what = {.spare = place->spare,
		.live_id = live_id,
		.spare_id = spare_id,
		.server_id = "",
		.run = RUN,
		.proof = proof,
		.carry = true};

	return database_exchange(place->db, &what, err);
}

static char *count_chats(Place *place, const char *path)
{
	AUTO(err_clear) Err err = {0};
	char *count = NULL;

	assert_done(database_ask(place->db, path, "SELECT count(*) FROM chat", &count, &err), &err);
	return count;
}

static void test_spare_is_named_after_the_run(void **state)
{
	Place *place = *state;

	assert_true(str_ends(place->spare, "/webui.db.belay-20261123134812"));
	AUTO(free_auto) char *url = database_url_of(place->db, place->spare);
	assert_true(str_starts(url, "sqlite:////"));
	assert_true(str_ends(url, place->spare));
}

static void test_revision_and_counts(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList revisions = {0};
	AUTO(json_release_auto) json_t *counts = NULL;

	assert_done(database_revision(place->db, place->live, &revisions, &err), &err);
	assert_int_equal(revisions.len, 1);
	assert_string_equal(revisions.items[0], "aaa");
	assert_done(database_counts(place->db, place->live, &counts, &err), &err);
	AUTO(free_auto) char *line = json_line(counts);
	assert_string_equal(line, "{\"alembic_version\":1,\"chat\":2}");
}

static void test_no_alembic_table_is_no_revision(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList revisions = {0};

	run_script(place->live, "DROP TABLE alembic_version");
	assert_done(database_revision(place->db, place->live, &revisions, &err), &err);
	assert_int_equal(revisions.len, 0);
}

/* The copy and the exchange leave the live bytes alone, mode and owner included. */
static void test_copy_then_exchange_and_back(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *before = NULL;
	AUTO(free_auto) char *after = NULL;
	size_t before_len, after_len;
	struct stat about;

	assert_int_equal(chmod(place->live, 0640), 0);
	assert_done(file_read(place->live, 1 << 20, &before, &before_len, &err), &err);
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);
	assert_int_equal(stat(place->spare, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0640);
	run_script(place->spare, "INSERT INTO chat VALUES ('three', 3, NULL)");
	assert_done(exchange(place, live_id, spare_id, proof, &err), &err);
	AUTO(free_auto) char *now_live = id_of(place, place->live);
	assert_string_equal(now_live, spare_id);
	AUTO(free_auto) char *chats = count_chats(place, place->live);
	assert_string_equal(chats, "3");
	assert_done(exchange(place, spare_id, live_id, NULL, &err), &err);
	assert_done(file_read(place->live, 1 << 20, &after, &after_len, &err), &err);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, before_len);
}

/* Even a row replaced by one of the same size must be seen. */
static void test_a_write_after_the_copy_stops_the_exchange(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);

	run_script(place->live, "UPDATE chat SET n = 9 WHERE id = 'one'");
	assert_error(exchange(place, live_id, spare_id, proof, &err), &err, ERR_FOREIGN);
	AUTO(free_auto) char *still = id_of(place, place->live);
	assert_string_equal(still, live_id);
}

static void test_ids_must_be_where_they_are_said_to_be(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);

	assert_error(exchange(place, spare_id, live_id, NULL, &err), &err, ERR_FOREIGN);
}

/* A log that stays under the live name would be replayed into the other file. */
static void test_write_ahead_logs_do_not_survive_the_exchange(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *wal = str_format("%s-wal", place->live);
	AUTO(free_auto) char *spare_wal = str_format("%s-wal", place->spare);
	AUTO(free_auto) char *mode = NULL;

	run_script(place->live, "PRAGMA journal_mode=WAL; INSERT INTO chat VALUES ('w', 4, NULL)");
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);
	assert_done(exchange(place, live_id, spare_id, proof, &err), &err);
	assert_int_equal(file_kind(wal), FILE_ABSENT);
	assert_int_equal(file_kind(spare_wal), FILE_ABSENT);
	assert_done(database_ask(place->db, place->live, "PRAGMA journal_mode", &mode, &err), &err);
	assert_string_equal(mode, "wal");
	AUTO(free_auto) char *chats = count_chats(place, place->live);
	assert_string_equal(chats, "3");
}

/* A migration that was killed leaves what it committed in the log beside the copy. */
static void test_a_log_left_on_the_copy_is_folded_in(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);
	AUTO(free_auto) char *spare_wal = str_format("%s-wal", place->spare);
	const pid_t child = fork();

	if (child == 0) {
		Sql *sql = NULL;

		if (sql_open(place->spare, SQL_WRITE, 1000, &sql, &err) &&
			sql_script(sql,
				"PRAGMA journal_mode=WAL; INSERT INTO chat VALUES ('w', 4, 0)",
				&err))
			_exit(0); /* without closing it */
		_exit(1);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(file_exists(spare_wal));
	assert_done(exchange(place, live_id, spare_id, proof, &err), &err);
	assert_false(file_exists(spare_wal));
	AUTO(free_auto) char *chats = count_chats(place, place->live);
	assert_string_equal(chats, "3");
}

/* A child holds the file open until its standard input ends. */
static pid_t hold_open(const char *path, int flags, int *ret_pipe)
{
	int ready[2], end[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	child = fork();
	if (child == 0) {
		const int fd = open(path, flags);

		close(end[1]);
		if (fd < 0 || write(ready[1], "x", 1) != 1 || read(end[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(end[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_pipe = end[1];
	return child;
}

static void test_a_writer_is_named_and_stops_the_copy(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList sessions = {0};
	AUTO(free_auto) char *pid = NULL;
	json_t *proof = NULL;
	int end;
	const pid_t child = hold_open(place->live, O_RDWR, &end);

	pid = str_format("pid %d", (int)child);
	assert_error(
		database_copy_make(place->db, place->spare, RUN, &proof, &err), &err, ERR_DATABASE);
	assert_part(err.text, pid);
	assert_done(database_sessions(place->db, &sessions, &err), &err);
	assert_int_equal(sessions.len, 1);
	close(end);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_a_reader_does_not_stop_the_copy(void **state)
{
	Place *place = *state;
	int end;
	const pid_t child = hold_open(place->live, O_RDONLY, &end);
	AUTO(json_release_auto) json_t *proof = copy(place);

	close(end);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(json_int(json_object_get(proof, "counts"), "chat", 0), 2);
}

static void test_copy_can_be_repeated_and_dropped(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};

	json_decref(copy(place));
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);
	assert_done(database_copy_drop(place->db, place->spare, spare_id, RUN, &err), &err);
	AUTO(strlist_clear) StrList names = {0};
	assert_done(dir_list(place->folder, &names, &err), &err);
	assert_int_equal(names.len, 1);
	assert_string_equal(names.items[0], "webui.db");
	assert_done(database_copy_drop(place->db, place->spare, spare_id, RUN, &err), &err);
}

/* After an exchange the spare's name holds the old database: neither the run's mark nor the copy's
 * id may remove that. */
static void test_the_old_database_is_never_dropped_as_a_copy(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *proof = copy(place);
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);

	assert_done(exchange(place, live_id, spare_id, proof, &err), &err);
	assert_error(database_copy_drop(place->db, place->spare, spare_id, RUN, &err), &err,
		ERR_FOREIGN);
	err_clear(&err);
	json_t *again = NULL;
	assert_error(
		database_copy_make(place->db, place->spare, RUN, &again, &err), &err, ERR_FOREIGN);
	AUTO(free_auto) char *chats = count_chats(place, place->spare);
	assert_string_equal(chats, "2");
}

static void test_live_is_never_dropped(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *live_id = id_of(place, place->live);

	assert_error(
		database_copy_drop(place->db, place->live, live_id, RUN, &err), &err, ERR_INTERNAL);
	assert_true(file_exists(place->live));
}

static json_t *digests(Place *place)
{
	AUTO(err_clear) Err err = {0};
	json_t *all = NULL;

	assert_done(database_digests(place->db, place->live, &all, &err), &err);
	return all;
}

static void test_digests_do_not_depend_on_order(void **state)
{
	Place *place = *state;
	AUTO(json_release_auto) json_t *before = digests(place);

	run_script(place->live, "DELETE FROM chat; INSERT INTO chat VALUES ('two', 2, NULL);"
				"INSERT INTO chat VALUES ('one', 1, x'00ff'); VACUUM");
	AUTO(json_release_auto) json_t *after = digests(place);
	assert_true(json_equal(before, after));
}

static void test_digests_see_types_and_empty_values(void **state)
{
	static const char *const changes[] = {
		"UPDATE chat SET body = '' WHERE id = 'two'",
		"UPDATE chat SET body = x'' WHERE id = 'two'",
		"UPDATE chat SET n = '2x' WHERE id = 'two'",
		"UPDATE chat SET id = 'twox' WHERE id = 'two'",
		"INSERT INTO chat VALUES ('three', 3, NULL)",
	};
	Place *place = *state;
	AUTO(json_release_auto) json_t *last = digests(place);

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		json_t *now;

		run_script(place->live, changes[i]);
		now = digests(place);
		if (json_equal(last, now))
			fail_msg("not seen: %s", changes[i]);
		json_decref(last);
		last = now;
	}
}

static void test_written_since(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *marks = NULL;
	AUTO(json_release_auto) json_t *none = NULL;
	AUTO(json_release_auto) json_t *some = NULL;

	assert_done(database_mark(place->db, place->live, &marks, &err), &err);
	assert_done(database_written_since(place->db, place->live, marks, &none, &err), &err);
	assert_int_equal(json_object_size(none), 0);
	run_script(place->live, "INSERT INTO chat VALUES ('x', 1, NULL), ('y', 2, NULL);"
				"UPDATE alembic_version SET version_num = 'bbb'");
	assert_done(database_written_since(place->db, place->live, marks, &some, &err), &err);
	AUTO(free_auto) char *line = json_line(some);
	assert_string_equal(line, "{\"alembic_version\":{\"newer\":-1,\"rows\":1,\"was\":1},"
				  "\"chat\":{\"newer\":2,\"rows\":4,\"was\":2}}");
}

static bool collect(void *arg, const void *bytes, size_t len, Err *err)
{
	(void)err;
	text_add_bytes(arg, bytes, len);
	return true;
}

typedef struct Feed {
	const char *bytes;
	size_t left;
} Feed;

static bool feed(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	Feed *from = arg;

	(void)err;
	*ret_len = from->left < max ? from->left : max;
	memcpy(bytes, from->bytes, *ret_len);
	from->bytes += *ret_len;
	from->left -= *ret_len;
	return true;
}

static void test_dump_and_restore(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(text_clear) Text dump = TEXT_INIT(16 << 20);
	AUTO(dump_figures_clear) DumpFigures figures = {0};
	AUTO(json_release_auto) json_t *tables = NULL;
	AUTO(json_release_auto) json_t *shape = NULL;
	AUTO(free_auto) char *how = NULL;

	assert_done(database_dump(place->db, collect, &dump, &figures, &how, &err), &err);
	Feed from = {dump.data, dump.len};
	assert_done(database_restore(place->db, place->spare, RUN, feed, &from, &err), &err);
	assert_done(database_digests(place->db, place->spare, &tables, &err), &err);
	assert_true(json_equal(figures.tables, tables));
	assert_done(database_shape(place->db, place->spare, &shape, &err), &err);
	assert_true(json_equal(figures.shape, shape));
	AUTO(strlist_clear) StrList names = {0};
	assert_done(dir_list(place->folder, &names, &err), &err);
	assert_int_equal(names.len, 3); /* live, spare, its mark: no leftovers */
}

static void test_a_damaged_dump_is_refused(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(text_clear) Text dump = TEXT_INIT(16 << 20);
	AUTO(dump_figures_clear) DumpFigures figures = {0};
	AUTO(free_auto) char *how = NULL;

	assert_done(database_dump(place->db, collect, &dump, &figures, &how, &err), &err);
	Feed half = {dump.data, dump.len / 2};
	assert_false(database_restore(place->db, place->spare, RUN, feed, &half, &err));
	assert_false(file_exists(place->spare));
	err_clear(&err);
	Feed text = {"not a database at all", 21};
	assert_error(database_restore(place->db, place->spare, RUN, feed, &text, &err), &err,
		ERR_VERIFY);
	assert_false(file_exists(place->spare));
}

/* Only what a proof left, and not that of the run that is going on. */
static void test_leftovers_of_proofs_are_swept(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList swept = {0};
	AUTO(free_auto) char *ours = database_scratch_name(place->db, RUN);
	AUTO(free_auto) char *old = database_scratch_name(place->db, "20250101-000000-verify");
	AUTO(free_auto) char *old_wal = str_format("%s-wal", old);
	AUTO(free_auto) char *other = str_format("%s.belay-proof-notes", place->live);
	const char *const there[] = {ours, old, old_wal, other, place->spare};

	for (size_t i = 0; i < COUNT_OF(there); i++)
		assert_done(file_write_text(there[i], "x", 0600, &err), &err);
	assert_done(database_scratch_sweep(place->db, RUN, &swept, &err), &err);
	assert_int_equal(swept.len, 1);
	assert_string_equal(swept.items[0], path_name(old));
	assert_false(file_exists(old));
	assert_false(file_exists(old_wal));
	assert_true(file_exists(ours));
	assert_true(file_exists(other));
	assert_true(file_exists(place->spare));
}

static void test_what_was_set_aside_goes_by_id(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *id = NULL;

	assert_done(file_copy(place->live, place->spare, 0600, &err), &err);
	assert_done(path_id(place->spare, &id, &err), &err);
	assert_error(database_kept_drop(place->db, place->spare, "1:1", &err), &err, ERR_FOREIGN);
	assert_true(file_exists(place->spare));
	err_clear(&err);
	assert_done(database_kept_drop(place->db, place->spare, id, &err), &err);
	assert_false(file_exists(place->spare));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_make, place_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_spare_is_named_after_the_run),
		CASE(test_revision_and_counts),
		CASE(test_no_alembic_table_is_no_revision),
		CASE(test_copy_then_exchange_and_back),
		CASE(test_a_write_after_the_copy_stops_the_exchange),
		CASE(test_ids_must_be_where_they_are_said_to_be),
		CASE(test_write_ahead_logs_do_not_survive_the_exchange),
		CASE(test_a_log_left_on_the_copy_is_folded_in),
		CASE(test_a_writer_is_named_and_stops_the_copy),
		CASE(test_a_reader_does_not_stop_the_copy),
		CASE(test_copy_can_be_repeated_and_dropped),
		CASE(test_the_old_database_is_never_dropped_as_a_copy),
		CASE(test_live_is_never_dropped),
		CASE(test_digests_do_not_depend_on_order),
		CASE(test_digests_see_types_and_empty_values),
		CASE(test_written_since),
		CASE(test_dump_and_restore),
		CASE(test_a_damaged_dump_is_refused),
		CASE(test_leftovers_of_proofs_are_swept),
		CASE(test_what_was_set_aside_goes_by_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
