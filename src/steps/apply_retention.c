/* apply-retention: old backup sets and releases go, and the way back of the upgrade before this
 * one, whose database would pile up otherwise. The gate has said yes: nothing here undoes anything.
 */
#include "base/event.h"
#include "base/i18n.h"
#include "base/text.h"
#include "steps/retire.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/way_back.h"

/* Its own is not in the list: the run has no outcome yet. */
static bool give_up_older(RunCtx *ctx, Err *err)
{
	AUTO(strlist_clear) StrList runs = {0};
	const char *newest = NULL;

	if (!way_backs(ctx->journal, &runs, err))
		return false;
	for (size_t i = 0; i < runs.len; i++) {
		Err why = {0};

		if (str_is(runs.items[i], ctx->run))
			continue;
		if (!way_back_give_up(ctx->site, ctx->journal, ctx->db, runs.items[i], &why))
			event_warn_err("way-back", &why);
		else if (!newest)
			newest = runs.items[i];
	}
	if (newest)
		event_notice("way-back-given-up", false,
			"the way back of run '%s' was given up: this run has its own", newest);
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(retiring_clear) Retiring retiring = {0};

	if (!give_up_older(ctx, err) ||
		!retire_choose(ctx->site, ctx->journal, ctx->run, NULL, &retiring, err))
		return false;
	retire(ctx->site, &retiring);
	return true;
}

const StepDef step_apply_retention = {
	.id = "apply-retention",
	.title = N_("remove what retention lets go"),
	.undo_kind = UNDO_NOTHING,
	.apply = apply,
};
