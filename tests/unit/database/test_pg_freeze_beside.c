/* Writes that do not come through a session of the application: pooled connections and the worker
 * of a subscription. */
#include <unistd.h>

#include "pg_freeze_case.h"

#include "database/obstacles.h"

#define POOLER "/usr/sbin/pgbouncer"

static int pooler_port;

/* It goes into the background before it listens. */
static bool pooler_answers(void)
{
	AUTO(err_clear) Err err = {0};
	DatabaseUrl url = server_url("app", "webui");
	PgSession *session = NULL;

	url.port = pooler_port;
	for (int i = 0; i < 100 && !session; i++) {
		err_clear(&err);
		if (!pg_connect_as_is(&url, NULL, &session, &err))
			poll(NULL, 0, 50);
	}
	database_url_clear(&url);
	pg_disconnect(session);
	return session != NULL;
}

/* Transaction pooling, one connection to the server; only database webui is known to it. */
static void pooler_start(void)
{
	AUTO(free_auto) char *config = path_join(server.dir, "pooler.ini");
	AUTO(free_auto) char *users = path_join(server.dir, "pooler.users");
	AUTO(err_clear) Err err = {0};
	bool runs = false;

	assert_done(file_write_text(users, "\"app\" \"app-secret\"\n", 0644, &err), &err);
	for (int i = 0; i < 10 && !runs; i++) {
		pooler_port = 18350 + (getpid() + i) % 50;
		AUTO(free_auto)
		char *text = str_format(
			"[databases]\nwebui = host=127.0.0.1 port=%d\n[pgbouncer]\n"
			"listen_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
			"auth_type = scram-sha-256\nauth_file = %s\npool_mode = transaction\n"
			"default_pool_size = 1\nlogfile = %s/pooler.log\npidfile = %s/pooler.pid\n",
			server.port, pooler_port, users, server.dir, server.dir);

		assert_done(file_write_text(config, text, 0644, &err), &err);
		runs = server_run(ARGV(POOLER, "-q", "-d", config), &err) && pooler_answers();
		err_clear(&err);
	}
	assert_true(runs);
}

static void pooler_stop(void)
{
	AUTO(free_auto) char *path = path_join(server.dir, "pooler.pid");
	AUTO(free_auto) char *text = NULL;
	Err err = {0};

	assert_done(file_read(path, 64, &text, NULL, &err), &err);
	kill((pid_t)atoi(text), SIGINT);
}

static PgSession *pooled(void)
{
	DatabaseUrl url = server_url("app", "webui");
	PgSession *session = NULL;
	Err err = {0};

	url.port = pooler_port;
	assert_done(pg_connect_as_is(&url, NULL, &session, &err), &err);
	database_url_clear(&url);
	return session;
}

/* A site whose URL leads through one is told so before anything, even where it knows no database
 * but the site's. */
static void assert_pooler_is_told(void)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(err_clear) Err found = {0};
	AUTO(err_clear) Err err = {0};
	Site site = server.site;

	site.database.port = pooler_port;
	assert_done(database_open(&site, &db, &err), &err);
	if (database_obstacles(db, &found, &err))
		err_move(&err, &found);
	AUTO(free_auto) char *all = str_format("%s; %s", err.text, err.hint ? err.hint : "");
	assert_part(all, "pooler");
	assert_part(all, "admin_url");
}

static void test_pooler(void **state)
{
	(void)state;
	NEED_SERVER();
	if (!file_exists(POOLER))
		skip();
	pooler_start();
	assert_pooler_is_told();

	/* Where the URLs lead to the server itself, the application's own pool is left: its
	 * connection to the server is older than the freeze and is ended. */
	Case made = open_case();
	PgSession *first = pooled();
	assert_string_equal(try(first, WRITE), "");
	freeze(&made);
	PgSession *second = pooled();
	const char *refused = try(second, WRITE);
	if (strcmp(refused, "") == 0)
		fail_msg("written over a connection from before the freeze");
	pg_disconnect(second);
	copy(&made, 60000);

	/* What one client sets, the next one has: in transaction mode nothing is reset. */
	pg_disconnect(first);
	first = pooled();
	for (int i = 0; i < 20 && strcmp(try(first, "SELECT 1"), "") != 0; i++) {
		pg_disconnect(first);
		first = pooled();
	}
	assert_string_equal(try(first, "SET default_transaction_read_only = off"), "");
	second = pooled();
	assert_string_equal(try(second, WRITE), "");
	pg_disconnect(first);
	pg_disconnect(second);
	assert_noticed(&made, "pooler");
	put_away(&made);
	pooler_stop();
}

static void wait_for(const char *query, const char *value)
{
	for (int i = 0; i < 300; i++) {
		AUTO(free_auto) char *now = server_ask("postgres", "postgres", query);

		if (str_is(now, value))
			return;
		poll(NULL, 0, 50);
	}
	fail_msg("never %s: %s", value, query);
}

static void subscribe(void)
{
	AUTO(free_auto)
	char *subscription = str_format(
		"CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=%d user=postgres"
		" password=postgres-secret dbname=source' PUBLICATION feed"
		" WITH (connect = false, slot_name = 'feed')",
		server.port);

	server_sql("postgres", "postgres", "CREATE DATABASE source");
	server_sql("postgres", "source",
		"CREATE TABLE feed (id int PRIMARY KEY);CREATE PUBLICATION feed FOR TABLE feed");
	server_sql("postgres", "source",
		"SELECT pg_create_logical_replication_slot('feed', 'pgoutput')");
	server_sql("app", "webui", "CREATE TABLE feed (id int PRIMARY KEY)");
	server_sql("postgres", "webui", subscription);
}

static void enable(const char *what)
{
	AUTO(free_auto) char *sql = str_format("ALTER SUBSCRIPTION feed %s", what);

	server_sql("postgres", "webui", sql);
}

static void unsubscribe(void)
{
	enable("SET (slot_name = NONE)");
	server_sql("postgres", "webui", "DROP SUBSCRIPTION feed");
	server_sql("postgres", "source", "SELECT pg_drop_replication_slot('feed')");
	server_sql("postgres", "postgres", "DROP DATABASE source");
	server_sql("app", "webui", "DROP TABLE feed");
}

/* Told before; enabled later it writes through the freeze, and the exchange sees it. */
static void test_subscription(void **state)
{
	static const char worker[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'webui'"
				     " AND backend_type LIKE 'logical replication%'";
	AUTO(err_clear) Err why = {0};
	Err err = {0};

	(void)state;
	NEED_SERVER();
	subscribe();
	Case made = open_case();

	enable("ENABLE");
	assert_done(database_can_freeze(made.db, &why, &err), &err);
	assert_part(why.text, "subscription feed is enabled and writes in spite of a freeze");
	enable("DISABLE");
	wait_for(worker, "0");
	wait_for_superusers_to_leave();
	freeze(&made);
	copy(&made, 60000);
	enable("ENABLE");
	enable("REFRESH PUBLICATION WITH (copy_data = false)");
	server_sql("postgres", "source", "INSERT INTO feed VALUES (1)");
	PgSession *reader = server_session("app", "webui");
	for (int i = 0; i < 300; i++) {
		AUTO(free_auto) char *rows = NULL;

		assert_done(pg_value(reader, "SELECT count(*) FROM feed", NULL, &rows, &err), &err);
		if (str_is(rows, "1"))
			break;
		assert_true(i < 299);
		poll(NULL, 0, 50);
	}
	pg_disconnect(reader);
	enable("DISABLE");
	wait_for(worker, "0");
	wait_for_superusers_to_leave();
	assert_noticed(&made, "subscription");
	put_away(&made);
	unsubscribe();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pooler),
		cmocka_unit_test(test_subscription),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
