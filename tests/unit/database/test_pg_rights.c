#include "pg_server.h"
#include "database/obstacles.h"

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
			"SELECT count(*) FROM pg_database WHERE datname ~ '_belay_try_'", "0");
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

/* A process that was killed while it tried is gone; whose names begin otherwise are others'. */
static void test_leftovers_are_swept(void **state)
{
	AUTO(strlist_clear) StrList swept = {0};
	Site site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE webui_belay_try_999999998_a");
	server_sql("app", "postgres", "CREATE DATABASE other_belay_try_999999998_a");
	Database *db = open_as("app", "webui", &site);
	assert_done(database_scratch_sweep(db, NULL, &swept, &err), &err);
	AUTO(free_auto) char *names = strlist_join(&swept, " ");
	assert_string_equal(names, "webui_belay_try_999999998_a");
	assert_sql("app", "postgres",
		"SELECT string_agg(datname, ' ') FROM pg_database WHERE datname ~ '_belay_try_'",
		"other_belay_try_999999998_a");
	close_site(db, &site);
	server_sql("app", "postgres", "DROP DATABASE other_belay_try_999999998_a");
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
	assert_part(all, "role postgres has a session (pid ");

	server_sql("app", "webui", "ROLLBACK PREPARED 'left over'");
	server_sql("postgres", "webui",
		"ALTER ROLE plain IN DATABASE webui RESET ALL; ALTER ROLE app IN DATABASE webui RESET ALL;"
		"DROP PUBLICATION pub");
	pg_disconnect(session);
	pg_disconnect(foreign);
	close_site(db, &site);
}

typedef struct Lack {
	const char *make, *undo; /* as a superuser in the database */
	const char *told;        /* what is found, with the line to type */
	bool since_15;
} Lack;

/* Each right that an ordinary owner can lack, and what else belongs to a database and would not
 * come over. */
static void test_each_lack(void **state)
{
	static const Lack lacks[] = {
		{"ALTER DATABASE webui SET log_statement = 'all'", "ALTER DATABASE webui RESET ALL",
			"as a superuser: GRANT SET ON PARAMETER log_statement TO app", true},
		{"ALTER DATABASE webui SET log_duration = 'on'", "ALTER DATABASE webui RESET ALL",
			"the database has the setting log_duration=on, which role app may not copy"},
		{"ALTER DATABASE webui SET my.own = '1'", "ALTER DATABASE webui RESET ALL",
			"as a superuser: GRANT SET ON PARAMETER my.own TO app", true},
		{"GRANT CONNECT ON DATABASE webui TO plain WITH GRANT OPTION; SET ROLE plain;"
		 "GRANT CONNECT ON DATABASE webui TO PUBLIC; RESET ROLE",
			"REVOKE CONNECT ON DATABASE webui FROM plain CASCADE",
			"as a superuser: GRANT plain TO app"},
		{"ALTER DATABASE webui IS_TEMPLATE true", "ALTER DATABASE webui IS_TEMPLATE false",
			"ALTER DATABASE webui IS_TEMPLATE false"},
		{"UPDATE pg_database SET datcollversion = '0.1' WHERE datname = 'webui'",
			"UPDATE pg_database SET datcollversion = NULL WHERE datname = 'webui'",
			"ALTER DATABASE webui REFRESH COLLATION VERSION", true},
		{"CREATE TABLE public.theirs (); REVOKE ALL ON public.theirs FROM PUBLIC",
			"DROP TABLE public.theirs",
			"as a superuser: GRANT SELECT, UPDATE ON public.theirs TO app"},
		{"CREATE SEQUENCE public.counter", "DROP SEQUENCE public.counter",
			"role app may not read and lock public.counter"},
		{"CREATE SCHEMA hidden; CREATE TABLE hidden.t ()", "DROP SCHEMA hidden CASCADE",
			"role app may not read and lock hidden.t"},
	};

	(void)state;
	NEED_SERVER();
	AUTO(free_auto) char *version = server_ask("app", "webui", "SHOW server_version_num");
	for (size_t i = 0; i < COUNT_OF(lacks); i++) {
		Site site;

		if (lacks[i].since_15 && atoi(version) < 150000)
			continue;
		Database *db = open_as("app", "webui", &site);

		server_sql("postgres", "webui", lacks[i].make);
		AUTO(free_auto) char *lines = obstacles(db);
		server_sql("postgres", "webui", lacks[i].undo);
		wait_for_superusers_to_leave();
		assert_part(lines, lacks[i].told);
		AUTO(free_auto) char *none = obstacles(db);
		assert_string_equal(none, "");
		close_site(db, &site);
	}
}

/* Another place on the disk is another right. */
static void test_tablespace(void **state)
{
	AUTO(free_auto) char *folder = path_join(server.dir, "space");
	Site site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	assert_done(server_run(ARGV("mkdir", folder), &err), &err);
	AUTO(free_auto) char *make = str_format("CREATE TABLESPACE far LOCATION '%s'", folder);
	server_sql("postgres", "postgres", make);
	server_sql("postgres", "postgres", "ALTER DATABASE webui SET TABLESPACE far");
	Database *db = open_as("app", "webui", &site);

	AUTO(free_auto) char *lines = obstacles(db);
	assert_part(lines, "as a superuser: GRANT CREATE ON TABLESPACE far TO app");
	server_sql("postgres", "postgres", "GRANT CREATE ON TABLESPACE far TO app");
	AUTO(free_auto) char *none = obstacles(db);
	assert_string_equal(none, "");
	close_site(db, &site);
	server_sql("postgres", "postgres", "ALTER DATABASE webui SET TABLESPACE pg_default");
	server_sql("postgres", "postgres", "DROP TABLESPACE far");
}

static char *sessions_of(Database *db)
{
	AUTO(strlist_clear) StrList lines = {0};
	Err err = {0};

	assert_done(database_sessions(db, &lines, &err), &err);
	return strlist_join(&lines, "\n");
}

static PgSession *session_called(const char *role, const char *program)
{
	DatabaseUrl url = server_url(role, "webui");
	PgSession *session = NULL;
	Err err = {0};

	assert_done(pg_connect_as_is(&url, NULL, &session, &err), &err);
	AUTO(free_auto) char *name = str_format("SET application_name = '%s'", program);
	assert_done(pg_run(session, name, &err), &err);
	database_url_clear(&url);
	return session;
}

/* Named, with since when and from where, and only ended when somebody agreed. The application's own
 * are not others, whatever name it was told to give. */
static void test_sessions_of_others(void **state)
{
	json_t *proof = NULL;
	AUTO(free_auto) char *id = NULL;
	Site site;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Database *db = open_as("app", "webui", &site);
	PgSession *own = session_called("app", "");
	AUTO(free_auto) char *none = sessions_of(db);
	assert_string_equal(none, "");
	PgSession *other = session_called("app", "metabase");
	AUTO(free_auto) char *one = sessions_of(db);
	assert_part(one, ": app, metabase, 127.0.0.1, 20");

	strlist_add(&site.recipe.env, "PGAPPNAME=metabase");
	AUTO(free_auto) char *known = sessions_of(db);
	assert_part(known, ": app, 127.0.0.1, 20");
	assert_null(strstr(known, "metabase"));
	strlist_clear(&site.recipe.env);

	assert_done(database_id(db, "webui", &id, &err), &err);
	assert_error(database_copy_make(db, "webui_belay_1", "1", &proof, &err), &err, ERR_REFUSED);
	assert_part(err.text, "others use the database: pid ");
	assert_part(err.text, "metabase");
	assert_part(err.hint, "--disconnect-others");
	err_clear(&err);
	assert_true(pg_alive(other));
	assert_false(pg_alive(own));
	site.disconnect_others = true;
	assert_done(database_copy_make(db, "webui_belay_1", "1", &proof, &err), &err);
	assert_false(pg_alive(other));

	pg_disconnect(own);
	pg_disconnect(other);
	json_decref(proof);
	assert_done(database_copy_drop(db, "webui_belay_1", NULL, "1", &err), &err);
	assert_done(database_door(db, id, true, &err), &err);
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
	site.disconnect_others = true;
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
		cmocka_unit_test(test_leftovers_are_swept),
		cmocka_unit_test(test_missing_rights),
		cmocka_unit_test(test_obstacles),
		cmocka_unit_test(test_each_lack),
		cmocka_unit_test(test_tablespace),
		cmocka_unit_test(test_sessions_of_others),
		cmocka_unit_test(test_session_of_a_superuser),
		cmocka_unit_test(test_other_encoding),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
