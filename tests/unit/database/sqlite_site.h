/* sqlite_site.h - a scratch folder with a small SQLite site in it. */
#pragma once
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "database/database.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"
#include "in_memory.h"
#include "unit.h"

#define RUN "20261123-134812-upgrade"

typedef struct Place {
	char *folder;
	char *live, *spare;
	Site site;
	Database *db;
} Place;

UNUSED static void run_script(const char *path, const char *script)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(err_clear) Err err = {0};

	assert_done(sql_open(path, SQL_CREATE, 1000, &sql, &err), &err);
	assert_done(sql_script(sql, script, &err), &err);
}

UNUSED static int place_make(void **state)
{
	Place *place = NEW(Place);
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto)
	char *template = str_format("%s/belay-unit-XXXXXX", in_memory());

	place->folder = str_dup(mkdtemp(template));
	place->live = path_join(place->folder, "webui.db");
	place->site.state_dir = str_dup(place->folder);
	place->site.recipe.uid = geteuid();
	place->site.recipe.gid = getegid();
	place->site.database = (DatabaseUrl){
		.kind = DATABASE_SQLITE, .scheme = str_dup("sqlite"), .name = str_dup(place->live)};
	env_set(&place->site.recipe.env, "WEBUI_SECRET_KEY", "a-secret-for-tests");
	run_script(place->live, "CREATE TABLE alembic_version (version_num TEXT);"
				"INSERT INTO alembic_version VALUES ('aaa');"
				"CREATE TABLE chat (id TEXT PRIMARY KEY, n INTEGER, body BLOB);"
				"INSERT INTO chat VALUES ('one', 1, x'00ff'), ('two', 2, NULL);");
	if (!database_open(&place->site, &place->db, &err))
		return -1;
	place->spare = database_spare_name(place->db, RUN);
	*state = place;
	return 0;
}

UNUSED static int place_drop(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	const bool done = tree_remove(place->folder, &err);

	database_close(place->db);
	database_url_clear(&place->site.database);
	strlist_clear(&place->site.recipe.env);
	free(place->site.state_dir);
	free(place->folder);
	free(place->live);
	free(place->spare);
	free(place);
	return done ? 0 : -1;
}
