#include <stdio.h>
#include <string.h>

#include "database/pg.h"

#include "base/mem.h"
#include "base/text.h"
#include "docker/docker_program.h"
#include "docker/engine_api.h"
#include "os/file.h"
#include "os/proc.h"

enum { VERSION_MS = 10000, SERVER_PORT = 5432 };

/* Where distributions put several majors beside each other. */
static const char debian_dir[] = "/usr/lib/postgresql";

void pg_program_clear(PgProgram *program)
{
	strlist_clear(&program->argv);
	strlist_clear(&program->env);
	free(program->how);
	*program = (PgProgram){0};
}

/* The docker program may be among them. */
static void base_env(StrList *env)
{
	docker_program_env(env);
	env_set(env, "LC_ALL", "C");
}

/* "pg_dump (PostgreSQL) 15.18 (Debian …)": major 15, *ret_version "15.18". */
static int version_of(const char *path, char **ret_version)
{
	const ProcSpec spec = {.argv = ARGV(path, "--version"),
		.timeout_ms = VERSION_MS,
		.exit_is_answer = true,
		.quiet = true};
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(err_clear) Err ignored = {0};
	const char *at;

	if (!proc_run(&spec, &result, &ignored) || result.exit_code != 0)
		return 0;
	at = strstr(result.out, ") ");
	if (!at)
		return 0;
	*ret_version = str_dup_n(at + 2, strspn(at + 2, "0123456789."));
	return atoi(*ret_version);
}

typedef struct Best {
	char *path, *version;
	int major;
} Best;

static void best_clear(Best *best)
{
	free(best->path);
	free(best->version);
}

/* Not older than the server; and pg_restore sets transaction_timeout from 17 on, which no older
 * server knows. */
static bool fits(int major, int server_major)
{
	return major >= server_major && (major < 17 || server_major >= 17);
}

/* The oldest that fits: one of the server's own version, where there is one. */
static void consider(Best *best, const char *path, int server_major)
{
	AUTO(free_auto) char *version = NULL;
	const int major = file_exists(path) ? version_of(path, &version) : 0;

	if (!fits(major, server_major) || (best->major && best->major <= major))
		return;
	best->major = major;
	str_replace(&best->path, path);
	str_replace(&best->version, version);
}

static void search(const char *name, int server_major, Best *best)
{
	AUTO(strlist_clear) StrList majors = {0};
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *in_path = proc_find(name, NULL);

	if (file_exists(debian_dir) && dir_list(debian_dir, &majors, &ignored)) {
		for (size_t i = 0; i < majors.len; i++) {
			AUTO(free_auto)
			char *path = str_format("%s/%s/bin/%s", debian_dir, majors.items[i], name);

			consider(best, path, server_major);
		}
	}
	if (in_path)
		consider(best, in_path, server_major);
}

/* A conninfo string, since a bare name with '=' in it would be taken for one. */
static char *dbname_option(const char *database)
{
	AUTO(text_clear) Text out = TEXT_INIT(1024);

	text_add(&out, "--dbname=dbname='");
	for (; *database; database++)
		text_addf(&out, "%s%c", *database == '\'' || *database == '\\' ? "\\" : "",
			*database);
	text_add(&out, "'");
	return text_take(&out);
}

static int port_in(const Database *db, const DatabaseUrl *url)
{
	Container container = {0};
	AUTO(err_clear) Err ignored = {0};
	bool found = false;
	int port = SERVER_PORT;

	if (docker_find_by_port(url->port, &container, &found, &ignored) && found) {
		if (str_is(container.name, db->site->container) && container.container_port > 0)
			port = container.container_port;
		container_clear(&container);
	}
	return port;
}

static bool in_container(Database *db, const char *name, const DatabaseUrl *url,
	const char *database, PgProgram *ret, Err *err)
{
	AUTO(free_auto) char *dbname = dbname_option(database);

	if (!docker_exec_prefix(db->site->container, url->password != NULL, &ret->argv, err))
		return false;
	if (url->password)
		env_set(&ret->env, "PGPASSWORD", url->password);
	strlist_add(&ret->argv, name);
	strlist_add(&ret->argv, "--host=127.0.0.1");
	strlist_addf(&ret->argv, "--port=%d", port_in(db, url));
	if (url->user)
		strlist_addf(&ret->argv, "--username=%s", url->user);
	strlist_add(&ret->argv, "--no-password");
	strlist_add(&ret->argv, dbname);
	ret->how = str_format("%s (Docker: %s)", name, db->site->container);
	return true;
}

bool pg_program(Database *db, const char *name, int server_version, const DatabaseUrl *url,
	const char *database, PgProgram *ret, Err *err)
{
	AUTO(best_clear) Best best = {0};
	const int server_major = server_version / 10000;

	pg_program_clear(ret);
	base_env(&ret->env);
	search(name, server_major, &best);
	if (!best.path && !str_empty(db->site->container))
		return in_container(db, name, url, database, ret, err);
	if (!best.path) {
		err_fail(err, ERR_EXEC, "there is no %s here that fits a server of version %d",
			name, server_major);
		return err_hint(err, "apt install postgresql-client-%d, or set container in %s",
			server_major, db->site->file);
	}
	pg_environment(url, database, &ret->env);
	AUTO(free_auto) char *dbname = dbname_option(database);

	strlist_add(&ret->argv, best.path);
	strlist_add(&ret->argv, "--no-password");
	strlist_add(&ret->argv, dbname);
	ret->how = str_format("%s %s", name, best.version);
	ret->of_host = true;
	return true;
}
