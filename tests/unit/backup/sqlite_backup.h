/* sqlite_backup.h - a small SQLite site in a scratch folder, for tests of backup sets. */
#pragma once
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "backup/prove.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"
#include "in_memory.h"
#include "unit.h"

#define RUN "20261123-134812-backup"

typedef struct Fixture {
	Site site;
	Database *db;
	Release release;
	char *root;
	FakeClock clock;
} Fixture;

UNUSED static void put(const Fixture *fixture, const char *name, const char *text, mode_t mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fixture->root, name);
	AUTO(free_auto) char *folder = path_folder(path);

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, mode, &err), &err);
}

UNUSED static void run_sql(const char *path, const char *script)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(sql_close_auto) Sql *sql = NULL;

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(sql_open(path, SQL_CREATE, 1000, &sql, &err), &err);
	assert_done(sql_script(sql, script, &err), &err);
}

/* Answers as data/inventory.py does. */
static const char fake_python[] =
	"#!/bin/sh\ncat >/dev/null\n"
	"echo '{\"base\":\"/usr/bin/python3\",\"venv\":true,\"freeze\":[\"a==1\",\"b==2\"],"
	"\"extra\":[]}'\n";

static void describe_site(Fixture *fixture)
{
	Site *site = &fixture->site;
	Release *release = &fixture->release;

	site->name = str_dup("test");
	site->file = path_join(fixture->root, "test.conf");
	site->backup_dir = path_join(fixture->root, "start/backups");
	site->start_directory = path_join(fixture->root, "start");
	site->environment = path_join(fixture->root, "env");
	site->state_dir = path_join(fixture->root, "state");
	site->webui.data_dir = path_join(fixture->root, "data");
	site->webui.key_source = KEY_IN_FILE;
	site->webui.key_file = path_join(fixture->root, "start/.webui_secret_key");
	strlist_add(&site->webui.merged, "GREETING=it's me");
	strlist_add(&site->recipe.argv, "python");
	site->recipe.dir = str_dup(site->start_directory);
	site->recipe.uid = geteuid();
	site->recipe.gid = getegid();
	site->database.kind = DATABASE_SQLITE;
	site->database.name = path_join(fixture->root, "data/webui.db");
	release->version = str_dup("0.7.2");
	release->path = path_join(fixture->root, "env");
	release->python = path_join(fixture->root, "env/bin/python");
	release->python_version = str_dup("3.11");
}

static void fill_site(const Fixture *fixture)
{
	AUTO(free_auto) char *vectors = path_join(fixture->root, "data/vector_db/chroma.sqlite3");

	run_sql(fixture->site.database.name,
		"CREATE TABLE alembic_version (version_num TEXT);"
		"INSERT INTO alembic_version VALUES ('c440947495f3');"
		"CREATE TABLE user (id TEXT PRIMARY KEY, email TEXT);"
		"INSERT INTO user VALUES ('u', 'ann@example.com');"
		"CREATE TABLE chat (id TEXT PRIMARY KEY, user_id TEXT REFERENCES user (id), chat TEXT);"
		"CREATE INDEX chat_of ON chat (user_id);"
		"CREATE TABLE config (id INTEGER PRIMARY KEY AUTOINCREMENT, data TEXT);"
		"INSERT INTO config (data) VALUES ('{}'), ('{\"a\": 1}');"
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
		" INSERT INTO chat SELECT 'c' || i, 'u', hex(randomblob(100)) FROM n;"
		/* As in old sites: nobody makes SQLite enforce it. */
		"INSERT INTO chat VALUES ('orphan', 'nobody', 'x');");
	run_sql(vectors,
		"CREATE TABLE collections (id TEXT); INSERT INTO collections VALUES ('c')");
	put(fixture, "data/vector_db/collection/data_level0.bin", "vectors", 0644);
	put(fixture, "data/uploads/one.pdf", "first upload", 0640);
	put(fixture, "data/uploads/deep/two.db", "not a database", 0644);
	put(fixture, "start/.webui_secret_key", "secret-key-of-the-test", 0600);
	put(fixture, "state/journal.db", "", 0600);
	put(fixture, "env/bin/python", fake_python, 0755);
}

UNUSED static int setup(void **state)
{
	Fixture *fixture = NEW(Fixture);
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto)
	char *name = str_format("%s/belay-unit-XXXXXX", in_memory());

	fixture->root = path_real(mkdtemp(name));
	fixture->clock = (FakeClock){.mono_ms = 1000, .wall_ms = 1795450000000};
	clock_use(&fixture->clock);
	describe_site(fixture);
	fill_site(fixture);
	assert_done(database_open(&fixture->site, &fixture->db, &err), &err);
	*state = fixture;
	return 0;
}

UNUSED static int teardown(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	const bool gone = tree_remove(fixture->root, &err);
	clock_use(NULL);
	database_close(fixture->db);
	site_clear(&fixture->site);
	release_clear(&fixture->release);
	free(fixture->root);
	free(fixture);
	return gone ? 0 : -1;
}

UNUSED static void make_set(Fixture *fixture, BackupSet *ret)
{
	AUTO(err_clear) Err err = {0};
	assert_done(backup_make(&fixture->site, fixture->db, &fixture->release, RUN, "make-backup",
			    NULL, ret, &err),
		&err);
	fixture->clock.wall_ms += 60000;
}
