#include "database/alembic_place.h"

#include <string.h>

#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "docker/docker_program.h"
#include "docker/engine_change.h"
#include "os/file.h"
#include "release/throwaway.h"

static const char *other_user(const Site *site)
{
	return geteuid() == 0 && !str_empty(site->user) && !str_is(site->user, "root") ? site->user
										       : NULL;
}

/* The scratch folder, and that of the copy where it is a file: both under the names that they have
 * on this machine. */
static void folders_of(const MigrationSpec *spec, StrList *ret)
{
	AUTO(free_auto) char *folder = NULL;

	strlist_add(ret, spec->scratch_dir);
	if (!database_is_sqlite(spec->db))
		return;
	folder = path_folder(spec->place);
	if (!path_below(folder, spec->scratch_dir))
		strlist_add(ret, folder);
}

/* The application lies beside the image's working directory and is no installed package there. */
static bool in_container(const MigrationSpec *spec, const StrList *env, AlembicPlace *ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList inside = {0};
	AUTO(strlist_clear) StrList folders = {0};
	AUTO(free_auto) char *program = NULL;
	const char *dir = str_empty(spec->site->recipe.dir) ? "/app/backend"
							    : spec->site->recipe.dir;
	AUTO(free_auto) char *package = path_join(dir, "open_webui");
	const ThrowawaySpec throwaway = {
		.site = spec->site,
		.purpose = "migration",
		.image = spec->target->path,
		.as_service = true,
		.argv = &argv,
		.env = &inside,
		.folders = &folders,
		.network = spec->network,
		.input = true,
	};

	strlist_add_array(&argv, ARGV("sh", "-c", "cd \"$1\" && exec python3 -", "sh", package));
	strlist_add_all(&inside, env);
	env_set(&inside, "PYTHONPATH", dir);
	folders_of(spec, &folders);
	if (!docker_program(&program, err) || !throwaway_sweep_of(spec->site, "migration", err) ||
		!throwaway_make(&throwaway, &ret->container, err))
		return false;
	strlist_add_array(&ret->argv, ARGV(program, "start", "-a", "-i", ret->container));
	docker_program_env(&ret->env);
	return true;
}

bool alembic_place(const MigrationSpec *spec, const StrList *env, AlembicPlace *ret, Err *err)
{
	if (site_in_container(spec->site))
		return in_container(spec, env, ret, err);
	strlist_add_array(&ret->argv, ARGV(spec->target->python, "-"));
	strlist_add_all(&ret->env, env);
	ret->dir = spec->target->package_dir;
	ret->user = other_user(spec->site);
	ret->cage_fd = spec->cage_fd;
	return true;
}

pid_t alembic_pid(const AlembicPlace *place, pid_t said)
{
	AUTO(container_clear) Container container = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!place->container)
		return said;
	return docker_inspect(place->container, &container, &ignored) ? container.pid : 0;
}

void alembic_place_end(AlembicPlace *place)
{
	AUTO(err_clear) Err leftover = {0};

	if (place->container && !docker_remove(place->container, &leftover))
		event_warn_err("leftover", &leftover);
	free(place->container);
	strlist_clear(&place->argv);
	strlist_clear(&place->env);
	*place = (AlembicPlace){0};
}
