/* stop-service: end the server through its owner, and see that it is gone. The undo starts what
 * served before and asks it the gate's questions. */
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "gate/gate.h"
#include "service/service.h"
#include "steps/ask_gate.h"
#include "steps/put_back.h"
#include "steps/record_recipe.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(ctx->site, &state, err))
		return false;
	*ret_seen = state.pid ? SEEN_BEFORE : SEEN_AFTER;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	return run_ctx_from_is_intact(ctx, err) && record_recipe(ctx, err) &&
	       put_back_remember(ctx, err) && service_stop(ctx->site, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	/* The steps that froze or shut the database come earlier in some flows, so their undo
	 * would come too late for this start. */
	if (!run_ctx_refresh(ctx, err) || !run_ctx_free_live(ctx, err) ||
		!service_state(ctx->site, &state, err))
		return false;
	if (!state.pid && !service_start(ctx->site, err))
		return false;
	return ask_gate_from(ctx, "stop-service", err);
}

const StepDef step_stop_service = {
	.id = "stop-service",
	.title = N_("stop the service"),
	.undo_kind = UNDO_EXACT,
	.begins = SERVES_NOBODY,
	.until = "start-service",
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
