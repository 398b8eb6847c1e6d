#include "pg_server.h"
#include "database/pg.h"

/* One of the server's own version before any other; where none fits, what to type. */
static void test_which_program(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(pg_program_clear) PgProgram program = {0};
	Err err = {0};

	(void)state;
	NEED_SERVER();
	AUTO(free_auto) char *version = server_ask("app", "webui", "SHOW server_version_num");
	assert_done(database_open(&server.site, &db, &err), &err);
	assert_done(pg_program(db, "pg_dump", atoi(version), &server.site.database, "webui",
			    &program, &err),
		&err);
	assert_true(program.of_host);
	assert_part(program.how, "pg_dump 1");
	assert_error(pg_program(db, "pg_restore", 990001, &server.site.database, "webui", &program,
			     &err),
		&err, ERR_EXEC);
	assert_string_equal(
		err.text, "there is no pg_restore here that fits a server of version 99");
	assert_string_equal(err.hint,
		"apt install postgresql-client-99, or set container in /etc/belay/test.conf");
	err_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_program),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
