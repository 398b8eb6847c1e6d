/* An upgrade's use of a SQLite database, killed or failed at every point where it changes
 * something: the live name holds the whole old or the whole new database, and starting over works.
 */
#include "database/database.h"

#include <sys/wait.h>

#include "base/fault.h"
#include "sqlite_site.h"

#define POINTS_MAX 200

#ifdef BELAY_TEST

typedef struct Ids {
	char *live, *spare;
} Ids;

static void ids_clear(Ids *ids)
{
	free(ids->live);
	free(ids->spare);
}

static bool copy_and_exchange(Place *place, Err *err)
{
	AUTO(ids_clear) Ids ids = {0};
	AUTO(json_release_auto) json_t *proof = NULL;
	AUTO(sql_close_auto) Sql *sql = NULL;

	if (!database_copy_make(place->db, place->spare, RUN, &proof, err) ||
		!database_id(place->db, place->live, &ids.live, err) ||
		!database_id(place->db, place->spare, &ids.spare, err) ||
		!sql_open(place->spare, SQL_WRITE, 1000, &sql, err) ||
		!sql_run(sql, "INSERT INTO chat VALUES ('new', 3, NULL)", NULL, err))
		return false;
	sql_close(TAKE(sql));
	const DatabaseExchange what = {.spare = place->spare,
		.live_id = ids.live,
		.spare_id = ids.spare,
		.server_id = "",
		.run = RUN,
		.proof = proof,
		.carry = true};
	return database_exchange(place->db, &what, err);
}

/* true: it ended by itself, so there is no such point. */
static bool run_until(Place *place, const char *how, int point)
{
	AUTO(free_auto) char *wish = str_format("%s:%d", how, point);
	int status;
	const pid_t child = fork();

	if (child == 0) {
		Err err = {0};

		setenv("BELAY_FAULT", wish, 1);
		fault_restart();
		_exit(copy_and_exchange(place, &err) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static char *ask(Place *place, const char *query)
{
	AUTO(err_clear) Err err = {0};
	char *answer = NULL;

	assert_done(database_ask(place->db, place->live, query, &answer, &err), &err);
	return answer;
}

static void expect_whole(Place *place, const char *old_id, int point)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *whole = ask(place, "PRAGMA integrity_check");
	AUTO(free_auto) char *chats = ask(place, "SELECT count(*) FROM chat");

	assert_string_equal(whole, "ok");
	assert_done(database_id(place->db, place->live, &id, &err), &err);
	if (!str_is(chats, str_is(id, old_id) ? "2" : "3"))
		fail_msg("%s chats after point %d", chats, point);
	if (!str_is(id, old_id)) /* the exchange had happened; nothing to repeat */
		return;
	assert_done(copy_and_exchange(place, &err), &err);
	AUTO(free_auto) char *now = ask(place, "SELECT count(*) FROM chat");
	assert_string_equal(now, "3");
}

static void at_every_point(const char *how, const char *prepare)
{
	int point = 1;

	for (bool ended = false; !ended; point++) {
		void *state = NULL;
		AUTO(free_auto) char *old_id = NULL;
		AUTO(err_clear) Err err = {0};
		Place *place;

		assert_true(point < POINTS_MAX);
		assert_int_equal(place_make(&state), 0);
		place = state;
		run_script(place->live, prepare);
		assert_done(database_id(place->db, place->live, &old_id, &err), &err);
		ended = run_until(place, how, point);
		expect_whole(place, old_id, point);
		assert_int_equal(place_drop(&state), 0);
	}
	assert_true(point > 8); /* else the points are not passed at all */
}

static void test_killed(void **state)
{
	(void)state;
	at_every_point("kill", "PRAGMA journal_mode=DELETE");
}

static void test_killed_with_a_write_ahead_log(void **state)
{
	(void)state;
	at_every_point("kill", "PRAGMA journal_mode=WAL");
}

static void test_failed(void **state)
{
	(void)state;
	at_every_point("fail", "PRAGMA journal_mode=DELETE");
}

#else
static void test_killed(void **state)
{
	(void)state;
	skip();
}
#define test_killed_with_a_write_ahead_log test_killed
#define test_failed                        test_killed
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_killed_with_a_write_ahead_log),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
