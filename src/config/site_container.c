#include "config/site.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

/* Where the official image keeps them. */
#define DATA_INSIDE "/app/backend/data"

bool site_in_container(const Site *site)
{
	return site->service == SERVICE_CONTAINER || site->service == SERVICE_COMPOSE;
}

char *site_data_inside(const StrList *env, const char *dir)
{
	const char *given = env_get(env, "DATA_DIR");

	if (str_empty(given))
		return str_dup(DATA_INSIDE);
	return given[0] == '/' ? str_dup(given) : path_join(dir, given);
}

bool site_database_outside(const Site *site, DatabaseUrl *database, Err *err)
{
	AUTO(free_auto) char *inside = site_data_inside(&site->recipe.env, site->recipe.dir);

	if (!site_in_container(site) || database->kind != DATABASE_SQLITE ||
		path_below(database->name, site->data_dir))
		return true;
	if (!path_below(database->name, inside) || strstr(database->name, "/../")) {
		err_fail(err, ERR_REFUSED,
			"the database '%s' lies in the container, outside of its data folder '%s'",
			database->name, inside);
		return err_hint(err, "move it into that folder, and DATABASE_URL with it");
	}
	char *outside = str_format("%s%s", site->data_dir, database->name + strlen(inside));
	free(database->name);
	database->name = outside;
	return true;
}

char *site_container_words(const Site *site)
{
	if (site->service == SERVICE_COMPOSE)
		return str_format("service %s of the compose project %s", site->compose_service,
			site->compose_project);
	return str_format("container %s", site->webui_container);
}
