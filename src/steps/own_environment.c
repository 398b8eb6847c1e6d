/* own-environment: a site in the system's Python gets an environment of its own, of the version
 * that serves now. Nothing uses it before stop-service: the system's server goes on, and whoever
 * starts the site by hand gets the same version from there. */
#include "base/i18n.h"
#include "base/mem.h"
#include "checks/check_table.h"
#include "config/system_python.h"
#include "os/file.h"
#include "release/build.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool needed(RunCtx *ctx)
{
	return system_serves(ctx->site);
}

/* A restore asks no checks, and without the line the start script would start the system's. */
static bool check(RunCtx *ctx, Err *err)
{
	const CheckCtx about = {.site = ctx->site};

	return check_path_line(&about, err) == FINDING_OK;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release system = {0};
	AUTO(release_clear) Release own = {0};
	AUTO(free_auto) char *log = run_ctx_log(ctx, "own-environment.log");
	const char *home;

	return fact_need(ctx, FACT_FROM_HOME, &home, err) &&
	       release_current(ctx->site, &system, err) &&
	       release_build(ctx->site, &system, system.version, log, &own, err) &&
	       link_replace(ctx->site->environment, home, err) && run_ctx_refresh(ctx, err);
}

/* A finished environment is kept and used by the next attempt. */
static bool undo(RunCtx *ctx, Err *err)
{
	const char *version = fact_get(ctx, FACT_FROM_VERSION);

	return !version || release_sweep(ctx->site, version, err);
}

const StepDef step_own_environment = {
	.id = "own-environment",
	.title = N_("make the site an environment of its own"),
	.undo_kind = UNDO_NOTHING,
	.until = "build-release",
	.needed = needed,
	.check = check,
	.apply = apply,
	.undo = undo,
};
