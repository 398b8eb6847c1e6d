#include "pg_server.h"
#include "database/obstacles.h"

static char *found_by(const char *role, const char *container)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(err_clear) Err found = {0};
	DatabaseUrl url = server_url(role, "webui");
	Site site = server.site;
	Err err = {0};

	site.database = url;
	site.container = (char *)container;
	assert_done(database_open(&site, &db, &err), &err);
	assert_done(database_orphans(db, &found, &err), &err);
	database_url_clear(&url);
	return found.kind == ERR_NONE ? str_dup("")
				      : str_format("%s -> %s", found.text, found.hint);
}

/* Seen on this machine, or by a superuser through the server; named with its size and what to type,
 * and left where it is. */
static void test_a_folder_without_a_database(void **state)
{
	AUTO(free_auto) char *base = path_join(server.dir, "data/base");
	AUTO(free_auto) char *folder = path_join(base, "4200000000");
	AUTO(free_auto) char *file = path_join(folder, "1259");
	AUTO(err_clear) Err err = {0};

	(void)state;
	NEED_SERVER();
	for (int i = 0; i < 2; i++) {
		AUTO(free_auto) char *by_folder = found_by("app", NULL);
		AUTO(free_auto) char *by_server = found_by("postgres", "belay-no-such-container");
		AUTO(free_auto) char *by_nobody = found_by("app", "belay-no-such-container");

		assert_string_equal(by_nobody, "");
		if (i == 0) {
			assert_string_equal(by_folder, "");
			assert_string_equal(by_server, "");
			assert_done(server_run(ARGV("mkdir", "-m", "700", folder), &err), &err);
			assert_done(server_run(ARGV("truncate", "-s", "8192", file), &err), &err);
			continue;
		}
		/* A process of another user does not show its folder. */
		if (geteuid() == 0) {
			assert_part(by_folder, folder);
			assert_part(by_folder, "(8.2 KB) belongs to no database");
			assert_part(by_folder, "rm -r '");
		}
		assert_part(by_server, "folder 'base/4200000000' of the database server (8.2 KB)");
		assert_part(by_server, "rm -r 'base/4200000000'");
	}
	assert_true(folder_exists(folder));

	/* While a database is made its folder has no name that others see yet. */
	PgSession *maker = server_session("postgres", "postgres");
	assert_done(
		pg_run(maker, "BEGIN; LOCK TABLE pg_database IN ROW EXCLUSIVE MODE", &err), &err);
	AUTO(free_auto) char *meanwhile = found_by("postgres", "belay-no-such-container");
	assert_string_equal(meanwhile, "");
	pg_disconnect(maker);
	assert_done(tree_remove(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_folder_without_a_database),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
