/* build-release: the target's environment beside the current one, while that one serves. */
#include "base/i18n.h"
#include "base/text.h"
#include "release/build.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

/* A restore may return to another state of the very version that is installed. In a plan there is
 * no run and nothing known yet. */
static bool needed(RunCtx *ctx)
{
	return !ctx->run ||
	       !str_is(fact_get(ctx, FACT_TO_VERSION), fact_get(ctx, FACT_FROM_VERSION));
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release from = {0};
	AUTO(release_clear) Release to = {0};
	AUTO(free_auto) char *log = run_ctx_log(ctx, "build.log");
	const char *version;

	return fact_need(ctx, FACT_TO_VERSION, &version, err) && run_ctx_from(ctx, &from, err) &&
	       release_build(ctx->site, &from, version, log, &to, err) &&
	       fact_set(ctx, FACT_TO_HOME, to.path, err);
}

/* A finished release is kept: it costs disk, not safety, and the next attempt is faster. */
static bool undo(RunCtx *ctx, Err *err)
{
	const char *version = fact_get(ctx, FACT_TO_VERSION);

	return !version || release_sweep(ctx->site, version, err);
}

const StepDef step_build_release = {
	.id = "build-release",
	.title = N_("build the new release beside the old one"),
	.undo_kind = UNDO_NOTHING,
	.until = "switch-release",
	.needed = needed,
	.apply = apply,
	.undo = undo,
};
