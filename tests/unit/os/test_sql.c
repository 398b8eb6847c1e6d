#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "os/proc.h"
#include "os/file.h"
#include "base/mem.h"
#include "os/sql.h"

typedef struct Place {
	char folder[64];
	char file[96], copy[96], wal[96];
} Place;

static int set_up(void **state)
{
	Place *place = calloc(1, sizeof *place);

	strcpy(place->folder, "/tmp/belay-test-XXXXXX");
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->file, sizeof place->file, "%s/a.db", place->folder);
	snprintf(place->copy, sizeof place->copy, "%s/b.db", place->folder);
	snprintf(place->wal, sizeof place->wal, "%s/a.db-wal", place->folder);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	Place *place = *state;

	unlink(place->file);
	unlink(place->copy);
	rmdir(place->folder);
	free(place);
	return 0;
}

static Sql *make(const Place *place, const char *journal_mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *mode = NULL;
	AUTO(free_auto) char *pragma = NULL;
	Sql *sql = NULL;

	assert_done(sql_open(place->file, SQL_CREATE, 1000, &sql, &err), &err);
	assert_true(asprintf(&pragma, "PRAGMA journal_mode=%s", journal_mode) > 0);
	assert_done(sql_value(sql, pragma, NULL, &mode, &err), &err);
	assert_done(sql_script(sql, "CREATE TABLE t(a TEXT, b INTEGER); CREATE TABLE u(x);", &err),
		&err);
	assert_done(sql_run(sql, "INSERT INTO t VALUES(?1, ?2)", ARGV("one", "1"), &err), &err);
	assert_done(sql_run(sql, "INSERT INTO t VALUES(?1, ?2)", ARGV(SQL_NULL, "2"), &err), &err);
	return sql;
}

static bool collect(void *arg, const SqlRow *row, Err *err)
{
	Text *text = arg;
	int len = 0;

	assert_non_null(sql_blob(row, 1, &len));
	assert_int_equal(len, 1);
	assert_int_equal(sql_columns(row), 2);
	text_addf(text, "%s/%d/%d ", sql_text(row, 0) ? sql_text(row, 0) : "null",
		(int)sql_int(row, 1), sql_type(row, 0));
	return sql_int(row, 1) < 2 || err_fail(err, ERR_VERIFY, "enough");
}

static void values_go_in_and_come_out(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = make(*state, "delete");
	AUTO(text_clear) Text text = TEXT_INIT(1000);
	AUTO(free_auto) char *value = NULL;
	struct stat about;

	assert_int_equal(stat(((Place *)*state)->file, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_error(sql_rows(sql, "SELECT a, b FROM t ORDER BY b", NULL, collect, &text, &err),
		&err, ERR_VERIFY);
	assert_string_equal(text.data, "one/1/3 null/2/5 ");
	assert_done(
		sql_value(sql, "SELECT b FROM t WHERE a = ?1", ARGV("one"), &value, &err), &err);
	assert_string_equal(value, "1");
	free(TAKE(value));
	assert_done(sql_value(sql, "SELECT b FROM t WHERE a = 'none'", NULL, &value, &err), &err);
	assert_null(value);
}

static void errors_name_the_file(void **state)
{
	const Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = NULL;

	assert_error(sql_open(place->file, SQL_READ, 0, &sql, &err), &err, ERR_DATABASE);
	assert_part(err.text, place->file);
	assert_error(sql_open(place->file, SQL_WRITE, 0, &sql, &err), &err, ERR_DATABASE);
	assert_int_equal(access(place->file, F_OK), -1);
	sql = make(place, "delete");
	assert_error(sql_run(sql, "SELECT * FROM none", NULL, &err), &err, ERR_DATABASE);
	assert_part(err.text, "no such table");
	sql_close(TAKE(sql));
	assert_done(sql_open(place->file, SQL_READ, 0, &sql, &err), &err);
	assert_error(sql_run(sql, "DELETE FROM t", NULL, &err), &err, ERR_DATABASE);
}

static void check_copy(const Place *place, const char *mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *copy = NULL;
	AUTO(free_auto) char *count = NULL;
	AUTO(free_auto) char *seen = NULL;
	AUTO(free_auto) char *wal = NULL;
	struct stat about;

	assert_true(asprintf(&wal, "%s-wal", place->copy) > 0);
	assert_int_equal(access(wal, F_OK), -1);
	assert_int_equal(stat(place->copy, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	assert_done(sql_open(place->copy, SQL_WRITE, 0, &copy, &err), &err);
	assert_done(sql_value(copy, "SELECT count(*) FROM t", NULL, &count, &err), &err);
	assert_string_equal(count, "2");
	assert_done(sql_value(copy, "PRAGMA journal_mode", NULL, &seen, &err), &err);
	assert_string_equal(seen, mode);
}

static void a_copy_is_whole_while_others_write(void **state)
{
	static const char *const modes[] = {"delete", "wal"};
	const Place *place = *state;

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(sql_close_auto) Sql *sql = make(place, modes[i]);

		assert_done(sql_run(sql, "BEGIN IMMEDIATE", NULL, &err), &err);
		assert_done(sql_run(sql, "INSERT INTO t VALUES('not yet', 3)", NULL, &err), &err);
		assert_done(sql_backup(place->file, place->copy, NULL, NULL, &err), &err);
		assert_done(sql_run(sql, "ROLLBACK", NULL, &err), &err);
		sql_close(TAKE(sql));
		check_copy(place, modes[i]);
		unlink(place->file);
	}
}

static bool stop(void *arg, int left, int total)
{
	(void)arg, (void)left, (void)total;
	return false;
}

static void a_stopped_copy_leaves_nothing(void **state)
{
	const Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = make(place, "delete");

	assert_done(sql_script(sql, "INSERT INTO u SELECT zeroblob(20000000);", &err), &err);
	assert_error(sql_backup(place->file, place->copy, stop, NULL, &err), &err, ERR_INTERRUPTED);
	assert_int_equal(access(place->copy, F_OK), -1);
}

static void the_write_ahead_log_is_folded_in(void **state)
{
	const Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *other = make(place, "wal");
	AUTO(free_auto) char *mode = NULL;

	assert_int_equal(access(place->wal, F_OK), 0);
	assert_error(sql_checkpoint_away(place->file, &err), &err, ERR_DATABASE);
	assert_part(err.text, "still open");
	sql_close(TAKE(other));
	assert_done(sql_checkpoint_away(place->file, &err), &err);
	assert_int_equal(access(place->wal, F_OK), -1);
	assert_done(sql_open(place->file, SQL_READ, 0, &other, &err), &err);
	assert_done(sql_value(other, "PRAGMA journal_mode", NULL, &mode, &err), &err);
	assert_string_equal(mode, "wal");
}

static void a_journal_that_says_nothing_is_nobodys(void **state)
{
	const Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *other = make(place, "delete");
	AUTO(free_auto) char *journal = str_format("%s-journal", place->file);

	sql_close(TAKE(other));
	assert_done(file_write(journal, "", 0, 0600, &err), &err);
	assert_done(sql_checkpoint_away(place->file, &err), &err);
	assert_int_equal(access(journal, F_OK), -1);
}

static void killed_while_writing(const Place *place)
{
	const pid_t child = fork();

	if (child == 0) {
		Sql *sql = NULL;
		Err err = {0};

		/* So small a cache that pages of the transaction go to the file before its end. */
		if (sql_open(place->file, SQL_WRITE, 50, &sql, &err) &&
			sql_script(sql,
				"PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE t SET a = 'x';"
				"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500)"
				" INSERT INTO t(a) SELECT hex(randomblob(200)) FROM n",
				&err))
			_exit(0);
		_exit(1);
	}
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_a_killed_writer_left_is_rolled_back(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = NULL;
	char journal[112];
	AUTO(free_auto) char *count = NULL;

	snprintf(journal, sizeof journal, "%s-journal", place->file);
	sql_close(make(place, "DELETE"));
	killed_while_writing(place);
	assert_int_equal(access(journal, F_OK), 0);
	assert_done(sql_open(place->file, SQL_READ, 50, &sql, &err), &err);
	assert_done(sql_value(sql, "SELECT count(*) FROM t WHERE a = 'x' OR length(a) = 400", NULL,
			    &count, &err),
		&err);
	assert_string_equal(count, "0");
	assert_error(sql_run(sql, "DELETE FROM t", NULL, &err), &err, ERR_DATABASE);
	assert_int_not_equal(access(journal, F_OK), 0);
}

/* "Does not exist" would send people looking for what is there. */
static void a_closed_folder_is_no_missing_file(void **state)
{
	const Place *place = *state;
	pid_t child;
	int status = 0;

	if (geteuid() != 0)
		skip(); /* nobody to become */
	sql_close(make(place, "delete"));
	child = fork();
	if (child == 0) {
		Err err = {0};
		Sql *sql = NULL;
		bool good = setgid(65534) == 0 && setuid(65534) == 0 &&
			    !sql_open(place->file, SQL_READ, 1000, &sql, &err) &&
			    strstr(err.text, "closed to this user");

		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_go_in_and_come_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_name_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_a_killed_writer_left_is_rolled_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_copy_is_whole_while_others_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stopped_copy_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_write_ahead_log_is_folded_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_journal_that_says_nothing_is_nobodys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_closed_folder_is_no_missing_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
