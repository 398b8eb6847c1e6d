#include "pg_server.h"

static Database *open_as(const char *role, const char *database, Site *site)
{
	Database *db = NULL;
	Err err = {0};

	*site = (Site){.file = (char *)"/etc/belay/test.conf",
		.start_directory = (char *)"/",
		.database = server_url(role, database)};
	assert_done(database_open(site, &db, &err), &err);
	return db;
}

static void close_site(Database *db, Site *site)
{
	database_close(db);
	database_url_clear(&site->database);
}

/* The owner with CREATEDB and a superuser can do all; nothing is left over. */
static void test_enough_rights(void **state)
{
	static const char *const roles[] = {"app", "postgres"};

	(void)state;
	NEED_SERVER();
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		Site site;
		Database *db = open_as(roles[i], "webui", &site);
		Err err = {0};

		assert_done(database_try_rights(db, &err), &err);
		assert_sql("app", "postgres",
			"SELECT count(*) FROM pg_database WHERE datname ~ '^belay_try'", "0");
		close_site(db, &site);
	}
}

/* What is missing is told as the line to type. */
static void test_missing_rights(void **state)
{
	Site site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Database *db = open_as("plain", "webui", &site);
	assert_error(database_try_rights(db, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "ALTER DATABASE \"webui\" OWNER TO \"plain\";");
	err_clear(&err);
	close_site(db, &site);

	server_sql("postgres", "postgres", "ALTER ROLE app NOCREATEDB");
	db = open_as("app", "webui", &site);
	assert_error(database_try_rights(db, &err), &err, ERR_REFUSED);
	assert_part(err.hint, "ALTER ROLE \"app\" CREATEDB;");
	err_clear(&err);
	/* admin_url brings the rights that the site's role lacks. */
	database_close(db);
	site.admin_url = str_format(
		"postgresql://postgres:postgres-secret@127.0.0.1:%d/postgres", server.port);
	assert_done(database_open(&site, &db, &err), &err);
	assert_done(database_try_rights(db, &err), &err);
	free(site.admin_url);
	close_site(db, &site);
	server_sql("postgres", "postgres", "ALTER ROLE app CREATEDB");
}

static char *obstacles(Database *db)
{
	AUTO(err_clear) Err found = {0};
	Err err = {0};

	assert_done(database_obstacles(db, &found, &err), &err);
	return str_dup(found.text ? found.text : "");
}

static void test_obstacles(void **state)
{
	Site site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Database *db = open_as("app", "webui", &site);
	AUTO(free_auto) char *none = obstacles(db);
	assert_string_equal(none, "");

	PgSession *session = server_session("app", "webui");
	assert_done(pg_run(session, "BEGIN", &err), &err);
	assert_done(pg_run(session, "INSERT INTO chat (id) VALUES ('p')", &err), &err);
	assert_done(pg_run(session, "PREPARE TRANSACTION 'left over'", &err), &err);
	PgSession *foreign = server_session("postgres", "webui");
	server_sql("postgres", "webui",
		"ALTER ROLE plain IN DATABASE webui SET work_mem = '1MB'; CREATE PUBLICATION pub;"
		"ALTER ROLE app IN DATABASE webui SET default_transaction_read_only = off");
	AUTO(free_auto) char *all = obstacles(db);
	assert_part(all, "prepared transaction 'left over' of role app");
	assert_part(all, "role plain has settings in the database that role app may not copy");
	assert_part(all, "role app has the setting default_transaction_read_only=off");
	assert_part(all, "publication pub");
	assert_part(all, "role postgres has a session (pid ");

	server_sql("app", "webui", "ROLLBACK PREPARED 'left over'");
	server_sql("postgres", "webui",
		"ALTER ROLE plain IN DATABASE webui RESET ALL; ALTER ROLE app IN DATABASE webui RESET ALL;"
		"DROP PUBLICATION pub");
	pg_disconnect(session);
	pg_disconnect(foreign);
	close_site(db, &site);
}

/* A session that may not be ended stops the copy, and is named. */
static void test_session_of_a_superuser(void **state)
{
	Site site;
	Err err = {0};
	json_t *proof = NULL;
	AUTO(strlist_clear) StrList sessions = {0};

	(void)state;
	NEED_SERVER();
	PgSession *foreign = server_session("postgres", "webui");
	Database *db = open_as("app", "webui", &site);

	assert_done(database_sessions(db, &sessions, &err), &err);
	assert_int_equal(sessions.len, 1);
	assert_part(sessions.items[0], "postgres, belay");
	assert_error(database_copy_make(db, "webui_belay_1", "1", &proof, &err), &err, ERR_REFUSED);
	assert_part(err.text, "postgres, belay");
	assert_part(err.hint, "admin_url");
	err_clear(&err);
	pg_disconnect(foreign);
	AUTO(free_auto) char *id = NULL;
	assert_done(database_id(db, "webui", &id, &err), &err);
	assert_done(database_door(db, id, true, &err), &err);
	close_site(db, &site);
}

static void test_other_encoding(void **state)
{
	Site site;
	DatabaseAbout about = {0};
	Err err = {0};

	(void)state;
	NEED_SERVER();
	server_sql("postgres", "postgres",
		"CREATE DATABASE ascii OWNER app ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
	Database *db = open_as("app", "ascii", &site);

	assert_done(database_about(db, &about, &err), &err);
	assert_string_equal(about.encoding, "SQL_ASCII");
	AUTO(free_auto) char *lines = obstacles(db);
	assert_part(lines, "the encoding is SQL_ASCII, not UTF8");
	AUTO(strlist_clear) StrList revisions = {0};
	DatabaseAbout glance = {0};
	assert_done(database_glance(db, &glance, &revisions, &err), &err);
	assert_string_equal(glance.server, about.server);
	assert_string_equal(glance.name, about.name);
	assert_true(glance.bytes > 0);
	assert_int_equal(revisions.len, 0);
	database_about_clear(&glance);
	database_about_clear(&about);
	close_site(db, &site);

	db = open_as("app", "absent", &site);
	assert_error(database_about(db, &about, &err), &err, ERR_DATABASE);
	assert_part(err.text, "there is no database 'absent'");
	err_clear(&err);
	assert_error(database_glance(db, &about, &revisions, &err), &err, ERR_DATABASE);
	err_clear(&err);
	close_site(db, &site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough_rights),
		cmocka_unit_test(test_missing_rights),
		cmocka_unit_test(test_obstacles),
		cmocka_unit_test(test_session_of_a_superuser),
		cmocka_unit_test(test_other_encoding),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
