#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sqlite_site.h"
#include "database/freeze.h"

static int wal_place(void **state)
{
	Place *place;

	if (place_make(state) != 0)
		return -1;
	place = *state;
	run_script(
		place->live, "PRAGMA journal_mode=WAL; INSERT INTO chat VALUES ('wal', 3, NULL)");
	return 0;
}

static char *id_of(Place *place, const char *path)
{
	AUTO(err_clear) Err err = {0};
	char *id = NULL;

	assert_done(database_id(place->db, path, &id, &err), &err);
	return id;
}

static void freeze(Place *place)
{
	AUTO(free_auto) char *id = id_of(place, place->live);
	AUTO(err_clear) Err err = {0};
	bool frozen = false;

	assert_done(database_freeze(place->db, id, &err), &err);
	assert_done(database_is_frozen(place->db, id, &frozen, &err), &err);
	assert_true(frozen);
}

static json_t *copy(Place *place)
{
	AUTO(err_clear) Err err = {0};
	json_t *proof = NULL;
	int64_t gap_ms = -1;

	assert_done(
		database_copy_frozen(place->db, place->spare, RUN, 0, &proof, &gap_ms, &err), &err);
	assert_int_equal(gap_ms, 0);
	return proof;
}

static bool exchange(Place *place, const json_t *proof, Err *err)
{
	AUTO(free_auto) char *live_id = id_of(place, place->live);
	AUTO(free_auto) char *spare_id = id_of(place, place->spare);
	const DatabaseExchange what = {.spare = place->spare,
		.live_id = live_id,
		.spare_id = spare_id,
		.server_id = "",
		.run = RUN,
		.proof = proof,
		.carry = true};

	return database_exchange(place->db, &what, err);
}

/* Another process, as the application is. It is forked before this one opens anything: SQLite keeps
 * its locks in memory too, and a child that was forked later would believe that they are its own.
 */
static int other = -1;

static void serve(int fd)
{
	char message[1024];
	ssize_t len;

	while ((len = recv(fd, message, sizeof(message) - 1, 0)) > 0) {
		AUTO(sql_close_auto) Sql *sql = NULL;
		AUTO(err_clear) Err err = {0};
		bool done;

		message[len] = '\0';
		done = sql_open(message, SQL_WRITE, 50, &sql, &err) &&
		       sql_script(sql, message + strlen(message) + 1, &err);
		/* Before the answer: closing folds the log in, and whoever asked goes on at once.
		 */
		sql_close(TAKE(sql));
		if (send(fd, done ? "y" : "n", 1, 0) != 1)
			return;
	}
}

static int start_other(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	if (fork() == 0) {
		close(ends[0]);
		serve(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	other = ends[0];
	return 0;
}

static int stop_other(void **state)
{
	(void)state;
	close(other);
	return wait(NULL) > 0 ? 0 : -1;
}

static bool elsewhere(const char *path, const char *script)
{
	char message[1024], answer = 0;
	const int len = snprintf(message, sizeof(message), "%s%c%s", path, 0, script);

	assert_in_range(len, 1, sizeof(message) - 1);
	assert_int_equal(send(other, message, (size_t)len, 0), len);
	assert_int_equal(recv(other, &answer, 1, 0), 1);
	return answer == 'y';
}

#define WRITE "INSERT INTO chat VALUES ('late', 9, NULL)"
#define READ  "SELECT * FROM chat"

static void assert_chats(Place *place, const char *path, const char *wanted)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *count = NULL;

	assert_done(database_ask(place->db, path, "SELECT count(*) FROM chat", &count, &err), &err);
	assert_string_equal(count, wanted);
}

static void test_freeze_and_thaw(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *id = id_of(place, place->live);
	AUTO(err_clear) Err err = {0};
	bool frozen = true;

	freeze(place);
	assert_true(elsewhere(place->live, READ));
	assert_false(elsewhere(place->live, WRITE));
	/* Reading here must not cost the lock. */
	assert_chats(place, place->live, "3");
	assert_false(elsewhere(place->live, WRITE));
	assert_done(database_thaw(place->db, "1:2", &err), &err); /* another one */
	assert_false(elsewhere(place->live, WRITE));
	assert_done(database_thaw(place->db, id, &err), &err);
	assert_done(database_is_frozen(place->db, id, &frozen, &err), &err);
	assert_false(frozen);
	assert_true(elsewhere(place->live, WRITE));
	assert_done(database_thaw(place->db, id, &err), &err);
}

static void test_can_freeze(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *id = id_of(place, place->live);
	AUTO(err_clear) Err why = {0};
	AUTO(err_clear) Err err = {0};

	assert_done(database_can_freeze(place->db, &why, &err), &err);
	assert_int_equal(why.kind, ERR_NONE);
	assert_true(elsewhere(place->live, "PRAGMA journal_mode=DELETE"));
	assert_done(database_can_freeze(place->db, &why, &err), &err);
	assert_part(why.text, "no write-ahead log");
	assert_part(why.text, "before 0.9");
	assert_error(database_freeze(place->db, id, &err), &err, ERR_REFUSED);
	err_clear(&err);
	assert_error(database_freeze(place->db, "1:2", &err), &err, ERR_FOREIGN);
}

/* The content of a log from before belongs to it; readers go on all the time. */
static void test_copy_and_exchange(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *wal = str_format("%s-wal", place->live);
	AUTO(free_auto) char *spare_wal = str_format("%s-wal", place->spare);
	AUTO(free_auto) char *partial_wal = str_format("%s.partial-wal", place->spare);
	AUTO(sql_close_auto) Sql *reader = NULL;
	AUTO(err_clear) Err err = {0};

	/* Left open, so that the log is not folded in. */
	assert_done(sql_open(place->live, SQL_WRITE, 50, &reader, &err), &err);
	assert_done(sql_run(reader, "INSERT INTO chat VALUES ('log', 4, NULL)", NULL, &err), &err);
	assert_true(file_exists(wal));
	freeze(place);
	AUTO(json_release_auto) json_t *proof = copy(place);
	assert_false(file_exists(partial_wal));
	assert_chats(place, place->spare, "4");
	assert_false(elsewhere(place->live, WRITE));
	assert_true(elsewhere(place->spare, "CREATE TABLE migrated (x)"));
	assert_true(elsewhere(place->live, READ));
	sql_close(TAKE(reader));

	assert_done(exchange(place, proof, &err), &err);
	assert_false(file_exists(wal));
	assert_false(file_exists(spare_wal));
	assert_true(elsewhere(place->live, "INSERT INTO migrated VALUES (1)"));
	assert_false(elsewhere(place->spare, "INSERT INTO migrated VALUES (1)"));
	assert_chats(place, place->spare, "4");
	assert_done(exchange(place, NULL, &err), &err);
	assert_chats(place, place->live, "4");
}

static pid_t reader_of(const char *path)
{
	int ready[2];
	char byte = 0;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		Sql *sql = NULL;
		char *value = NULL;
		Err err = {0};

		if (!sql_open(path, SQL_WRITE, 50, &sql, &err) ||
			!sql_value(sql, READ, NULL, &value, &err) || write(ready[1], "x", 1) != 1)
			_exit(1);
		poll(NULL, 0, 20000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

/* While somebody still has it open nothing is exchanged, and the freeze holds. */
static void test_somebody_has_it_open(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *before = id_of(place, place->live);
	AUTO(err_clear) Err err = {0};
	const pid_t reader = reader_of(place->live);

	freeze(place);
	AUTO(json_release_auto) json_t *proof = copy(place);
	assert_error(exchange(place, proof, &err), &err, ERR_DATABASE);
	err_clear(&err);
	assert_false(elsewhere(place->live, WRITE));
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	AUTO(free_auto) char *after = id_of(place, place->live);
	assert_string_equal(before, after);
	assert_done(exchange(place, proof, &err), &err);
}

/* A descriptor of the file closed in this process takes the lock away, and nobody is told. */
static void test_a_lost_lock_is_found(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *before = id_of(place, place->live);
	AUTO(free_auto) char *index = str_format("%s-shm", place->live);
	AUTO(free_auto) char *bytes = NULL;
	AUTO(err_clear) Err err = {0};

	freeze(place);
	AUTO(json_release_auto) json_t *proof = copy(place);
	assert_done(file_read(index, 1 << 20, &bytes, NULL, &err), &err);
	assert_true(elsewhere(place->live, "UPDATE chat SET n = 8 WHERE id = 'one'"));
	assert_error(exchange(place, proof, &err), &err, ERR_FOREIGN);
	AUTO(free_auto) char *after = id_of(place, place->live);
	assert_string_equal(before, after);
}

static void reopen(Place *place)
{
	AUTO(err_clear) Err err = {0};

	database_close(TAKE(place->db));
	assert_done(database_open(&place->site, &place->db, &err), &err);
}

/* The freeze ends with its process; the proof does not. What only looks different is no alarm. */
static void test_proof_outlives_the_process(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};

	freeze(place);
	AUTO(json_release_auto) json_t *proof = copy(place);
	reopen(place);
	assert_true(elsewhere(place->live,
		"PRAGMA wal_checkpoint(TRUNCATE); BEGIN; DELETE FROM chat; ROLLBACK; VACUUM"));
	assert_done(exchange(place, proof, &err), &err);
	assert_done(exchange(place, NULL, &err), &err);

	assert_true(elsewhere(place->live, "UPDATE chat SET n = 9 WHERE id = 'one'"));
	assert_error(exchange(place, proof, &err), &err, ERR_FOREIGN);
	assert_part(err.text, "chat");
	err_clear(&err);
	/* A later freeze is not the one that the proof is about. */
	freeze(place);
	assert_error(exchange(place, proof, &err), &err, ERR_FOREIGN);
}

static void test_copy_needs_the_freeze(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	json_t *proof = NULL;
	int64_t gap_ms = -1;

	assert_error(database_copy_frozen(place->db, place->spare, RUN, 0, &proof, &gap_ms, &err),
		&err, ERR_INTERNAL);
	assert_false(file_exists(place->spare));
}

/* A write that is just going on is waited for. */
static void test_a_writer_in_the_way(void **state)
{
	Place *place = *state;
	AUTO(free_auto) char *id = id_of(place, place->live);
	AUTO(err_clear) Err err = {0};
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe(ready), 0);
	const pid_t child = fork();

	if (child == 0) {
		Sql *sql = NULL;

		if (!sql_open(place->live, SQL_WRITE, 50, &sql, &err) ||
			!sql_run(sql, "BEGIN IMMEDIATE", NULL, &err) ||
			!sql_run(sql, WRITE, NULL, &err) || write(ready[1], "x", 1) != 1)
			_exit(1);
		poll(NULL, 0, 200);
		_exit(sql_run(sql, "COMMIT", NULL, &err) ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_done(database_freeze(place->db, id, &err), &err);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_chats(place, place->live, "4");
}

#define WAL_TEST(test) cmocka_unit_test_setup_teardown(test, wal_place, place_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAL_TEST(test_freeze_and_thaw),
		WAL_TEST(test_can_freeze),
		WAL_TEST(test_copy_and_exchange),
		WAL_TEST(test_somebody_has_it_open),
		WAL_TEST(test_a_lost_lock_is_found),
		WAL_TEST(test_proof_outlives_the_process),
		WAL_TEST(test_copy_needs_the_freeze),
		WAL_TEST(test_a_writer_in_the_way),
	};

	return cmocka_run_group_tests(tests, start_other, stop_other);
}
