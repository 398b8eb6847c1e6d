/* What is asked about the database: what a migration would stumble over, and who else is there. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "check_site.h"

static void one_revision(void **state)
{
	CheckSite *check = *state;
	const char *live = check->site->database.name;

	finds(check, check_database, FINDING_OK, NULL, NULL);
	run_sql(live, "INSERT INTO alembic_version VALUES ('0123456789ab')");
	finds(check, check_database, FINDING_REFUSED, "'alembic_version' has 2 rows",
		"start and stop");
	run_sql(live, "DROP TABLE alembic_version");
	finds(check, check_database, FINDING_REFUSED, "'alembic_version' has 0 rows", NULL);
}

static void a_file_that_is_gone(void **state)
{
	CheckSite *check = *state;

	assert_int_equal(unlink(check->site->database.name), 0);
	finds(check, check_database, FINDING_REFUSED, "does not exist", NULL);
	finds(check, check_encoding, FINDING_UNKNOWN, "does not exist", NULL);
	finds(check, check_leftovers, FINDING_UNKNOWN, "does not exist", NULL);
	finds(check, check_emails, FINDING_UNKNOWN, "does not exist", NULL);
	finds(check, check_obstacles, FINDING_REFUSED, "there is no database at", NULL);
}

static void another_encoding(void **state)
{
	CheckSite *check = *state;
	const char *live = check->site->database.name;

	finds(check, check_encoding, FINDING_OK, NULL, NULL);
	assert_int_equal(unlink(live), 0);
	run_sql(live, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE user (id TEXT)");
	finds(check, check_encoding, FINDING_REFUSED, "has the encoding 'UTF-16le', not UTF8",
		"ENCODING 'UTF8'");
}

/* A worker, a backup program, somebody's sqlite3: told by its process. */
static void somebody_has_it_open(void **state)
{
	CheckSite *check = *state;
	AUTO(free_auto) char *who = NULL;
	int ends[2];
	pid_t pid;

	finds(check, check_sessions, FINDING_OK, NULL, NULL);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		const int fd = open(check->site->database.name, O_RDWR);

		(void)!write(ends[1], "x", fd >= 0);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], (char[1]){0}, 1), 1);
	who = str_format("pid %d ", (int)pid);
	finds(check, check_sessions, FINDING_WARNING, who, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	finds(check, check_sessions, FINDING_OK, NULL, NULL);
}

static void leftovers_of_a_migration(void **state)
{
	CheckSite *check = *state;
	const char *live = check->site->database.name;

	finds(check, check_leftovers, FINDING_OK, NULL, NULL);
	run_sql(live, "CREATE TABLE chat_message (id TEXT)");
	/* Made by a revision that is still ahead: it began there and did not finish. */
	finds(check, check_leftovers, FINDING_REFUSED, "table 'chat_message' is left over",
		"restore the backup from before");
	check->ctx.revision = "8452d01d26d7";
	finds(check, check_leftovers, FINDING_OK, NULL, NULL);
	run_sql(live, "CREATE TABLE _alembic_tmp_user (id TEXT)");
	finds(check, check_leftovers, FINDING_REFUSED, "table '_alembic_tmp_user' is left over",
		NULL);
}

static void addresses_that_differ_by_case_alone(void **state)
{
	CheckSite *check = *state;

	finds(check, check_emails, FINDING_OK, NULL, NULL);
	run_sql(check->site->database.name, "INSERT INTO user VALUES ('v', 'Ann@Example.com')");
	finds(check, check_emails, FINDING_REFUSED,
		"of several accounts when case is ignored: 1; version 0.12.4", "GROUP BY 1");
	/* Only on the way to a release that has the index. */
	check->ctx.revision = "f0bd01a18a3d";
	finds(check, check_emails, FINDING_OK, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(one_revision),
		CHECK_TEST(a_file_that_is_gone),
		CHECK_TEST(another_encoding),
		CHECK_TEST(somebody_has_it_open),
		CHECK_TEST(leftovers_of_a_migration),
		CHECK_TEST(addresses_that_differ_by_case_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
