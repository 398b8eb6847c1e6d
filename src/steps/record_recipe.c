#include "steps/record_recipe.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "release/site_container.h"
#include "service/service.h"

/* A log that was rotated by renaming; the next server writes where that one did at first. */
static bool was_rotated(const char *log, const char *from)
{
	return log && from && str_starts(log, from) && strchr(".-", log[strlen(from)]) &&
	       log[strlen(from)];
}

static bool keep(RunCtx *ctx, Recipe *recipe, Err *err)
{
	AUTO(free_auto) char *path = site_path(ctx->site, "recipe.json");

	/* A pid file that was not written anew still says where one belongs. */
	if (!recipe->pid_file)
		recipe->pid_file = TAKE(ctx->site->recipe.pid_file);
	if (was_rotated(recipe->log, ctx->site->log_file))
		str_replace(&recipe->log, ctx->site->log_file);
	if (!recipe_save(path, recipe, err))
		return false;
	recipe_clear(&ctx->site->recipe);
	recipe_copy(recipe, &ctx->site->recipe);
	database_site_changed(ctx->db, ctx->site);
	return true;
}

/* What a container's first process has in its environment is not what it is made with: the image's
 * start script adds the key, for one. */
static bool read_recipe(const Site *site, pid_t pid, Recipe *ret, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!site_in_container(site))
		return recipe_of_process(pid, ret, err);
	if (!site_container(site, &container, err))
		return false;
	container_recipe(&container, ret);
	return true;
}

bool record_recipe(RunCtx *ctx, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(recipe_clear) Recipe recipe = {0};

	if (!service_state(ctx->site, &state, err))
		return false;
	if (!state.pid)
		return true;
	return (read_recipe(ctx->site, state.pid, &recipe, err) && keep(ctx, &recipe, err)) ||
	       err_wrap(err, "recording how the server was started");
}
