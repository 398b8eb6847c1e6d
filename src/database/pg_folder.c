#include "database/pg.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "os/file.h"

#define COMM_MAX 64

static bool is_visible(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0;
}

/* Only superusers and members of pg_read_all_settings may see it; NULL for others. */
static char *said_by_server(PgSession *admin)
{
	AUTO(err_clear) Err ignored = {0};
	char *folder = NULL;

	if (!pg_value(admin, "SELECT current_setting('data_directory')", NULL, &folder, &ignored))
		return NULL;
	return folder;
}

/* A backend works in its data folder. The number may be one of another machine or container: what
 * has it here must be a PostgreSQL and lie in such a folder. */
static char *of_backend(const PgSession *admin)
{
	AUTO(free_auto) char *comm_path = str_format("/proc/%d/comm", pg_pid(admin));
	AUTO(free_auto) char *cwd = str_format("/proc/%d/cwd", pg_pid(admin));
	AUTO(free_auto) char *comm = NULL;
	AUTO(free_auto) char *folder = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!file_read(comm_path, COMM_MAX, &comm, NULL, &ignored) || !str_starts(comm, "postgres"))
		return NULL;
	folder = path_real(cwd);
	if (!folder)
		return NULL;
	AUTO(free_auto) char *version = path_join(folder, "PG_VERSION");

	return is_visible(version) ? TAKE(folder) : NULL;
}

/* The folder of this machine that a container has mounted where its server keeps its data. */
static char *of_container(const char *name, PgSession *admin)
{
	AUTO(free_auto) char *inside = said_by_server(admin);
	AUTO(err_clear) Err ignored = {0};
	Container container = {0};
	char *found = NULL;

	if (!docker_inspect(name, &container, &ignored))
		return NULL;
	if (!inside) {
		const char *set = env_get(&container.env, "PGDATA");

		inside = str_dup(set ? set : "/var/lib/postgresql/data");
	}
	for (size_t i = 0; i < container.mounts.len && !found; i++) {
		const char *mount = container.mounts.items[i];
		const char *colon = strrchr(mount, ':');

		if (colon && (str_is(colon + 1, inside) || path_below(inside, colon + 1)))
			found = str_format(
				"%.*s%s", (int)(colon - mount), mount, inside + strlen(colon + 1));
	}
	container_clear(&container);
	if (found && is_visible(found))
		return found;
	free(found);
	return NULL;
}

bool pg_folder(Database *db, char **ret, Err *err)
{
	PgSession *admin;

	if (!pg_admin(db, &admin, err))
		return false;
	*ret = str_empty(db->site->container) ? of_backend(admin)
					      : of_container(db->site->container, admin);
	return true;
}
