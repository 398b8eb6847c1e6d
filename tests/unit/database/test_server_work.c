#include "database/server_work.h"
#include "pg_server.h"

/* The server counts a checkpoint a moment after it is done. */
static ServerWork work_with_checkpoint(Database *db, ServerWork begin)
{
	ServerWork work = server_work_since(db, begin);

	for (int tries = 0; work.checkpoints == 0 && tries < 100; tries++) {
		poll(NULL, 0, 50);
		work = server_work_since(db, begin);
	}
	return work;
}

static void test_what_somebody_wrote_is_counted(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	const ServerWork begin = server_work(db);

	assert_true(begin.wal_bytes > 0);
	assert_true(begin.checkpoints >= 0);
	assert_int_equal(server_work_since(db, begin).checkpoints, 0);
	server_sql("app", "webui", "CREATE TABLE filled AS SELECT generate_series(1, 20000)");
	assert_true(server_work_since(db, begin).wal_bytes > 1000000);
	server_sql("postgres", "postgres", "CHECKPOINT");
	assert_int_equal(work_with_checkpoint(db, begin).checkpoints, 1);
	server_sql("app", "webui", "DROP TABLE filled");
}

static void test_figures_that_went_back_count_nothing(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	const ServerWork later = {INT64_MAX, INT64_MAX}, unknown = {-1, -1};
	ServerWork work;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(database_open(&server.site, &db, &err), &err);
	work = server_work_since(db, later);
	assert_int_equal(work.wal_bytes, 0);
	assert_int_equal(work.checkpoints, 0);
	work = server_work_since(db, unknown);
	assert_int_equal(work.wal_bytes, 0);
	assert_int_equal(work.checkpoints, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_somebody_wrote_is_counted),
		cmocka_unit_test(test_figures_that_went_back_count_nothing),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
