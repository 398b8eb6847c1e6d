/* lay-out-site: on a machine that has nothing of the site, its site file, recipe, folders and
 * secret key, from a backup set. */
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define KEY_MAX (64 * 1024)

static bool own(const RunCtx *ctx, const char *path, Err *err)
{
	const Recipe *recipe = &ctx->site->recipe;

	return geteuid() != 0 || file_chown(path, recipe->uid, recipe->gid, err);
}

static bool make_folder(RunCtx *ctx, const char *path, Fact made, Err *err)
{
	if (file_exists(path))
		return true;
	return fact_set(ctx, made, "yes", err) && dir_make(path, 0755, err) && own(ctx, path, err);
}

/* `serve` takes the key of its environment, else that of the file in its start directory. */
static bool put_key(RunCtx *ctx, Err *err)
{
	const Site *site = ctx->site;
	AUTO(free_auto) char *from = path_join(fact_get(ctx, FACT_BACKUP), "secret_key");
	AUTO(free_auto) char *to = path_join(site->start_directory, ".webui_secret_key");
	AUTO(free_auto) char *key = NULL;
	size_t len;

	if (env_get(&site->recipe.env, "WEBUI_SECRET_KEY") || !file_exists(from))
		return true;
	if (file_exists(to))
		return true; /* an earlier attempt's: the flow refused any other */
	return file_read(from, KEY_MAX, &key, &len, err) &&
	       fact_set(ctx, FACT_KEY_MADE, "yes", err) && file_write(to, key, len, 0600, err) &&
	       own(ctx, to, err);
}

static bool put_site(RunCtx *ctx, Err *err)
{
	const Site *site = ctx->site;
	AUTO(free_auto) char *folder = path_folder(site->file);
	AUTO(free_auto) char *recipe = site_path(site, "recipe.json");
	AUTO(free_auto) char *text = site_format(site);

	return dir_make(folder, 0755, err) && recipe_save(recipe, &site->recipe, err) &&
	       file_write_text(site->file, text, 0600, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	const Site *site = ctx->site;

	return put_site(ctx, err) &&
	       make_folder(ctx, site->start_directory, FACT_DIRECTORY_MADE, err) &&
	       make_folder(ctx, site->webui.data_dir, FACT_DATA_MADE, err) && put_key(ctx, err) &&
	       run_ctx_refresh(ctx, err);
}

/* Everything else in these folders is there because this run put it there; a folder that is in use
 * for more is left. */
static bool remove_made(RunCtx *ctx, Err *err)
{
	const Site *site = ctx->site;
	AUTO(free_auto) char *key = path_join(site->start_directory, ".webui_secret_key");

	if (fact_is_yes(ctx, FACT_KEY_MADE) &&
		(!file_remove_unfinished(key, err) || !file_remove(key, err)))
		return false;
	if (fact_is_yes(ctx, FACT_DATA_MADE) && !tree_remove(site->webui.data_dir, err))
		return false;
	if (fact_is_yes(ctx, FACT_DIRECTORY_MADE))
		(void)!rmdir(site->start_directory);
	return true;
}

static bool undo(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *recipe = site_path(ctx->site, "recipe.json");

	return remove_made(ctx, err) && file_remove(recipe, err) &&
	       file_remove_unfinished(ctx->site->file, err) && file_remove(ctx->site->file, err);
}

const StepDef step_lay_out_site = {
	.id = "lay-out-site",
	.title = N_("make the site's folders, site file and secret key"),
	.undo_kind = UNDO_EXACT,
	.until = "start-service",
	.apply = apply,
	.undo = undo,
};
