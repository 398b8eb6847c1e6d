/* pg_server.h - a PostgreSQL cluster of its own for a test program: in a scratch folder, on a
 * loopback port, as an unprivileged user. Where there are no server programs the tests are skipped.
 *
 * Roles: 'postgres' (superuser), 'app' (owner of database 'webui', CREATEDB), 'plain' (neither).
 * Each has its name with "-secret" as the password. */
#pragma once
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "os/proc.h"
#include "os/signals.h"
#include "os/tree.h"
#include "pg_client.h"

#define PG_USER (geteuid() == 0 ? "postgres" : NULL)

/* Of the server's programs, one at a time. BELAY_TEST_PG: another server, see tools/fetch-postgres.
 */
UNUSED static const char *server_program(const char *name)
{
	static char path[256];
	const char *other = getenv("BELAY_TEST_PG");

	snprintf(path, sizeof(path), "%s/bin/%s", other ? other : "/usr/lib/postgresql/15", name);
	return path;
}

UNUSED static bool server_run(const char *const *argv, Err *err)
{
	const ProcSpec spec = {.argv = argv,
		.timeout_ms = 60000,
		.user = PG_USER,
		.dir = server.dir,
		.quiet = true};
	AUTO(proc_result_clear) ProcResult result = {0};

	return proc_run(&spec, &result, err);
}

UNUSED static void server_fill(void)
{
	server_sql("postgres", "postgres",
		"CREATE ROLE app LOGIN CREATEDB PASSWORD 'app-secret';"
		"CREATE ROLE plain LOGIN PASSWORD 'plain-secret';");
	server_sql("postgres", "postgres", "CREATE DATABASE webui OWNER app");
	server_sql("app", "webui",
		"CREATE TYPE mood AS ENUM ('calm', 'wild');"
		"CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
		"INSERT INTO alembic_version VALUES ('242a2047eae0');"
		"CREATE TABLE chat (id text PRIMARY KEY, chat json, n numeric, at timestamptz, m mood);"
		"INSERT INTO chat SELECT 'c' || i, json_build_object('t', repeat('x', 50), 'i', i), i / 7.0,"
		" timestamptz '2026-01-01' + i * interval '1 h', 'calm' FROM generate_series(1, 500) i;"
		"CREATE TABLE \"user\" (id bigserial PRIMARY KEY, email text);"
		"INSERT INTO \"user\" (email) SELECT 'u' || i FROM generate_series(1, 20) i;"
		"CREATE TABLE empty ();");
}

static bool server_try_port(int port, Err *err)
{
	AUTO(free_auto)
	char *options = str_format(
		"-c port=%d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c fsync=off"
		" -c wal_level=logical -c max_prepared_transactions=5 -c max_connections=30 -c shared_buffers=16MB",
		port, server.dir);
	AUTO(free_auto) char *data = path_join(server.dir, "data");
	AUTO(free_auto) char *log = path_join(server.dir, "log");

	server.port = port;
	return server_run(ARGV(server_program("pg_ctl"), "-D", data, "-l", log, "-o", options, "-w",
				  "-s", "start"),
		err);
}

UNUSED static int server_start(void **state)
{
	AUTO(err_clear) Err err = {0};

	(void)state;
	signals_install();
	if (!file_exists(server_program("initdb")))
		return 0;
	snprintf(server.dir, sizeof(server.dir), "/tmp/belay-pg-XXXXXX");
	assert_non_null(mkdtemp(server.dir));
	chmod(server.dir, 0777);
	AUTO(free_auto) char *data = path_join(server.dir, "data");
	AUTO(free_auto) char *secret = path_join(server.dir, "secret");
	AUTO(free_auto) char *pwfile = str_format("--pwfile=%s", secret);

	assert_done(file_write_text(secret, "postgres-secret\n", 0644, &err), &err);
	assert_done(
		server_run(ARGV(server_program("initdb"), "-D", data, "-U", "postgres", "-E",
				   "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", pwfile, "-N"),
			&err),
		&err);
	for (int i = 0; i < 10 && !server.running; i++) {
		err_clear(&err);
		server.running = server_try_port(18300 + (getpid() + i) % 50, &err);
	}
	assert_true(server.running);
	server_fill();
	server.site = (Site){.file = (char *)"/etc/belay/test.conf",
		.start_directory = (char *)"/",
		.database = server_url("app", "webui")};
	return 0;
}

UNUSED static int server_stop(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *data = path_join(server.dir, "data");

	(void)state;
	if (server.running)
		assert_done(server_run(ARGV(server_program("pg_ctl"), "-D", data, "-m", "immediate",
					       "-w", "-s", "stop"),
				    &err),
			&err);
	database_url_clear(&server.site.database);
	return !server.dir[0] || tree_remove(server.dir, &err) ? 0 : -1;
}

#define NEED_SERVER()                                                                              \
	if (!server.running)                                                                       \
	skip()
