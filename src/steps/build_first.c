/* build-first: the release of a backup set where none is installed, with the packages that it had.
 */
#include "backup/site_of_set.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/build.h"
#include "release/data_home.h"
#include "release/python.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define DOTENV_MAX (1024 * 1024)

static bool put_dotenv(RunCtx *ctx, const BackupSet *set, const Release *made, Err *err)
{
	const Recipe *recipe = &ctx->site->recipe;
	AUTO(free_auto) char *from = path_join(set->path, "dotenv");
	AUTO(free_auto) char *lib = path_folder(made->site_packages);
	AUTO(free_auto) char *to = path_join(lib, ".env");

	if (!file_exists(from))
		return true;
	return file_copy(from, to, 0600, err) &&
	       (geteuid() != 0 || file_chown(to, recipe->uid, recipe->gid, err));
}

/* As every release that belay makes: data that was inside the environment lies beside it. */
static bool link_data(RunCtx *ctx, const Release *made, Err *err)
{
	AUTO(free_auto) char *home = site_data_home(ctx->site);

	return !str_is(ctx->site->webui.data_dir, home) || data_home_link(ctx->site, made, err);
}

static bool build(RunCtx *ctx, const BackupSet *set, Release *ret, Err *err)
{
	AUTO(free_auto) char *log = run_ctx_log(ctx, "build.log");
	AUTO(free_auto) char *python = NULL;
	AUTO(strlist_clear) StrList packages = {0};
	const char *wanted = json_str(set->manifest, "python");

	return python_on_path(wanted ? wanted : "3", &python, err) &&
	       set_packages(set, &packages, err) &&
	       release_build_first(ctx->site, python, &packages, set->version, log, ret, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *releases = site_releases_dir(ctx->site);
	AUTO(free_auto) char *home = NULL;

	if (!backup_find(ctx->site, fact_get(ctx, FACT_BACKUP), &set, err))
		return false;
	home = path_join(releases, set.version);
	return fact_set(ctx, FACT_TO_HOME, home, err) && build(ctx, &set, &made, err) &&
	       put_dotenv(ctx, &set, &made, err) && link_data(ctx, &made, err);
}

/* The flow refused to begin where there was one: it is this run's. */
static bool undo(RunCtx *ctx, Err *err)
{
	const char *home = fact_get(ctx, FACT_TO_HOME);
	AUTO(free_auto) char *releases = site_releases_dir(ctx->site);

	if (home && (!release_sweep(ctx->site, fact_get(ctx, FACT_TO_VERSION), err) ||
			    !tree_remove(home, err)))
		return false;
	(void)!rmdir(releases); /* only when nothing else is in it */
	return true;
}

const StepDef step_build_first = {
	.id = "build-first",
	.title = N_("build the release of the backup set"),
	.undo_kind = UNDO_EXACT,
	.until = "point-environment",
	.apply = apply,
	.undo = undo,
};
