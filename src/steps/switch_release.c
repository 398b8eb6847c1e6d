/* switch-release: ENV points to the target, by one rename. The undo points it to the stub again, so
 * that nothing starts while the rest is undone, and ends a server that somebody started by hand:
 * its own step may never have begun, or found it there. */
#include "base/i18n.h"
#include "base/text.h"
#include "release/link.h"
#include "service/service.h"
#include "steps/put_back.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	LinkState state;

	if (!link_state(ctx->site, &state, &target, err))
		return false;
	if (state == LINK_STUB && str_is(target, ctx->run))
		*ret_seen = SEEN_BEFORE;
	else if (state == LINK_RELEASE && str_is(target, fact_get(ctx, FACT_TO_HOME)))
		*ret_seen = SEEN_AFTER;
	else
		*ret_seen = SEEN_FOREIGN;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	const char *home;

	return fact_need(ctx, FACT_TO_HOME, &home, err) && link_point(ctx->site, home, err) &&
	       run_ctx_refresh(ctx, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *version;

	return fact_need(ctx, FACT_FROM_VERSION, &version, err) &&
	       link_block(ctx->site, ctx->run, version, err) && service_stop(ctx->site, err) &&
	       put_back_shared(ctx, err);
}

const StepDef step_switch_release = {
	.id = "switch-release",
	.title = N_("switch the release"),
	.undo_kind = UNDO_EXACT,
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
