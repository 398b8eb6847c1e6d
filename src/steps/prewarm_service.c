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

/* As its rehearsal measured it; a release that was only booted as the way back has no report. */
static int64_t needed_kb(const Site *site, const char *version)
{
	AUTO(rehearsal_clear) Rehearsal known = {0};
	AUTO(err_clear) Err ignored = {0};
	bool found;

	return rehearsal_load(site, version, &known, &found, &ignored) && found
		       ? known.waiting_pss_kb
		       : 0;
}

static bool start(RunCtx *ctx, const Release *to, const char *modules, Err *err)
{
	AUTO(err_clear) Err why = {0};
	const PrewarmSpec spec = {
		.site = ctx->site,
		.release = to,
		.modules = modules,
		.needed_kb = needed_kb(ctx->site, to->version),
		.timeout_ms = IMPORTS_MS,
	};

	if (!prewarm_possible(&spec, &why)) {
		err_wrap(&why, "an ordinary start, not prewarmed");
		event_notice_err("no-prewarm", false, &why);
		return true;
	}
	if (!prewarm_start(&spec, &ctx->prewarm, err))
		return false;
	if (prewarm_ready(ctx->prewarm, err))
		return true;
	prewarm_cancel(TAKE(ctx->prewarm));
	return false;
}

/* The port of a container is taken at its start, and a second one cannot have it. */
static bool needed(RunCtx *ctx)
{
	return !site_in_container(ctx->site);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release to = {0};
	AUTO(free_auto) char *modules = NULL;
	AUTO(err_clear) Err trouble = {0};

	if (!run_ctx_to(ctx, &to, err) || !record_recipe(ctx, err))
		return false;
	modules = rehearsal_modules(ctx->site, to.version);
	if (!modules)
		event_notice("no-prewarm", false,
			"an ordinary start, not prewarmed: no rehearsal has seen what version %s loads",
			to.version);
	else if (!start(ctx, &to, modules, &trouble))
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
	.needed = needed,
	.apply = apply,
	.undo = undo,
};
