/* prewarm-service: the target's Python imports what it will need, while the old server still
 * answers; start-service then only says go. Whatever is unexpected here means an ordinary start. */
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "rehearse/rehearse.h"
#include "service/prewarm.h"
#include "steps/record_recipe.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define IMPORTS_MS 180000 /* a full environment without byte code took 41 s on two cores */

static bool start(RunCtx *ctx, const Release *to, const Rehearsal *known, Err *err)
{
	AUTO(free_auto) char *why = NULL;
	const PrewarmSpec spec = {
		.site = ctx->site,
		.release = to,
		.modules = known->modules,
		.needed_kb = known->waiting_pss_kb,
		.timeout_ms = IMPORTS_MS,
	};

	if (!prewarm_possible(&spec, &why, err))
		return false;
	if (why) {
		event_notice("no-prewarm", false, "an ordinary start, not prewarmed: %s", why);
		return true;
	}
	if (!prewarm_start(&spec, &ctx->prewarm, err))
		return false;
	if (prewarm_ready(ctx->prewarm, err))
		return true;
	prewarm_cancel(TAKE(ctx->prewarm));
	return false;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release to = {0};
	AUTO(rehearsal_clear) Rehearsal known = {0};
	AUTO(err_clear) Err trouble = {0};
	bool found;

	if (!run_ctx_to(ctx, &to, err) || !record_recipe(ctx, err))
		return false;
	if (!rehearsal_load(ctx->site, to.version, &known, &found, &trouble) || !found ||
		!known.modules)
		event_notice("no-prewarm", false,
			"an ordinary start, not prewarmed: no rehearsal has seen what version %s loads",
			to.version);
	else if (!start(ctx, &to, &known, &trouble))
		event_warn_err("no-prewarm", &trouble);
	return true;
}

static bool undo(RunCtx *ctx, Err *err UNUSED)
{
	prewarm_cancel(TAKE(ctx->prewarm));
	return true;
}

const StepDef step_prewarm_service = {
	.id = "prewarm-service",
	.title = N_("prewarm the next server"),
	.undo_kind = UNDO_NOTHING,
	.until = "start-service",
	.apply = apply,
	.undo = undo,
};
