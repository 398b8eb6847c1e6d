/* point-environment: ENV, where nothing is, becomes the link to the release that was built. */
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	const char *environment = ctx->site->environment;
	AUTO(free_auto) char *target = NULL;

	*ret_seen = SEEN_FOREIGN;
	if (file_kind(environment) == FILE_ABSENT)
		*ret_seen = SEEN_BEFORE;
	else if (file_kind(environment) == FILE_LINK && !link_read(environment, &target, err))
		return false;
	else if (target && str_is(target, fact_get(ctx, FACT_TO_HOME)))
		*ret_seen = SEEN_AFTER;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	const char *home;

	return fact_need(ctx, FACT_TO_HOME, &home, err) &&
	       link_replace(ctx->site->environment, home, err);
}

/* A resumed run has settings that were read without a release. */
static bool verify(RunCtx *ctx, Err *err)
{
	return run_ctx_refresh(ctx, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	return file_remove(ctx->site->environment, err) && run_ctx_refresh(ctx, err);
}

const StepDef step_point_environment = {
	.id = "point-environment",
	.title = N_("make the environment a link to the release"),
	.undo_kind = UNDO_EXACT,
	.observe = observe,
	.apply = apply,
	.verify = verify,
	.undo = undo,
};
