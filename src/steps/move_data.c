/* move-data: data inside the environment moves once, to ENV.data, while nothing runs; every release
 * holds a link to it. */
#include "base/event.h"
#include "base/i18n.h"
#include "release/data_home.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool needed(RunCtx *ctx)
{
	AUTO(release_clear) Release from = {0};
	AUTO(err_clear) Err err = {0};
	DataHome home;

	if (fact_is_yes(ctx, FACT_DATA_MOVED))
		return true;
	return ctx->site->webui.data_inside_environment && run_ctx_from(ctx, &from, &err) &&
	       data_home_state(ctx->site, &from, &home, &err) && home == DATA_INSIDE;
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(release_clear) Release from = {0};
	DataHome home;

	if (!run_ctx_from(ctx, &from, err) || !data_home_state(ctx->site, &from, &home, err))
		return false;
	*ret_seen = home == DATA_INSIDE  ? SEEN_BEFORE
		    : home == DATA_MOVED ? SEEN_AFTER
					 : SEEN_PARTIAL;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release from = {0};

	return fact_set(ctx, FACT_DATA_MOVED, "yes", err) && run_ctx_from(ctx, &from, err) &&
	       data_home_move(ctx->site, &from, err);
}

/* The target gets its link in verify, so that a resumed run makes it too. */
static bool verify(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release to = {0};

	return run_ctx_to(ctx, &to, err) && data_home_link(ctx->site, &to, err) &&
	       run_ctx_refresh(ctx, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release from = {0};

	return run_ctx_from(ctx, &from, err) && data_home_move_back(ctx->site, &from, err) &&
	       run_ctx_refresh(ctx, err);
}

const StepDef step_move_data = {
	.id = "move-data",
	.title = N_("move the data out of the environment"),
	.undo_kind = UNDO_EXACT,
	.needed = needed,
	.observe = observe,
	.apply = apply,
	.verify = verify,
	.undo = undo,
};
