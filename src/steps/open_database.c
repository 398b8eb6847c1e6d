/* open-database: the door of the database that is live now. Only after ENV names the release that
 * fits it. */
#include "base/i18n.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool set_door(RunCtx *ctx, bool open, Err *err)
{
	const char *id;

	return fact_need(ctx, FACT_SPARE_ID, &id, err) && database_door(ctx->db, id, open, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	return set_door(ctx, true, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	return set_door(ctx, false, err);
}

const StepDef step_open_database = {
	.id = "open-database",
	.title = N_("open the database"),
	.undo_kind = UNDO_EXACT,
	.apply = apply,
	.undo = undo,
};
