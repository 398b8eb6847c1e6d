/* block-start: between stop and start, ENV links to a stub that starts nothing, so that a reboot, a
 * cron job or an impatient operator cannot put old code on new data. Whoever was quicker than the
 * link has been started by it before, and is ended too: from the moment of its exec it can be seen.
 */
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "release/link.h"
#include "service/service.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	LinkState state;

	if (!link_state(ctx->site, &state, &target, err))
		return false;
	if (state == LINK_STUB)
		*ret_seen = str_is(target, ctx->run) ? SEEN_AFTER : SEEN_FOREIGN;
	else if (state == LINK_FOLDER ||
		 (state == LINK_RELEASE && !fact_is_yes(ctx, FACT_FROM_FOLDED) &&
			 str_is(target, fact_get(ctx, FACT_FROM_HOME))))
		*ret_seen = SEEN_BEFORE;
	else
		*ret_seen = SEEN_FOREIGN;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	const char *version;

	return fact_need(ctx, FACT_FROM_VERSION, &version, err) &&
	       link_block(ctx->site, ctx->run, version, err);
}

static bool verify(RunCtx *ctx, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(ctx->site, &state, err))
		return false;
	if (!state.pid)
		return true;
	event_notice("started-meanwhile", false,
		"the server was started by somebody else as process %d after it had been stopped; it is stopped again",
		(int)state.pid);
	return service_stop(ctx->site, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *version, *home;

	if (!fact_need(ctx, FACT_FROM_VERSION, &version, err) ||
		!fact_need(ctx, FACT_FROM_HOME, &home, err))
		return false;
	if (fact_is_yes(ctx, FACT_FROM_FOLDED)) {
		if (!link_unfold(ctx->site, version, err))
			return false;
	} else if (!link_point(ctx->site, home, err)) {
		return false;
	}
	return link_stub_remove(ctx->site, ctx->run, err) && run_ctx_refresh(ctx, err);
}

const StepDef step_block_start = {
	.id = "block-start",
	.title = N_("let nothing start in between"),
	.undo_kind = UNDO_EXACT,
	.until = "switch-release",
	.observe = observe,
	.apply = apply,
	.verify = verify,
	.undo = undo,
};
