/* start-service: start the target through whoever owns the server. */
#include "base/event.h"
#include "base/i18n.h"
#include "service/prewarm.h"
#include "service/service.h"
#include "steps/put_back.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(ctx->site, &state, err))
		return false;
	*ret_seen = state.pid ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

/* A prewarmed server that does not go is gone: the ordinary start follows. */
static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(err_clear) Err trouble = {0};
	pid_t pid;

	if (ctx->prewarm && prewarm_go(TAKE(ctx->prewarm), &pid, &trouble))
		return true;
	if (trouble.kind != ERR_NONE)
		event_warn_err("no-prewarm", &trouble);
	return service_start(ctx->site, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	return service_stop(ctx->site, err) && put_back_shared(ctx, err);
}

const StepDef step_start_service = {
	.id = "start-service",
	.title = N_("start the service"),
	.undo_kind = UNDO_EXACT,
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
