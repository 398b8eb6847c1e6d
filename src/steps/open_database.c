/* open-database: the door of the database that is live now. Only after ENV names the release that
 * fits it. */
#include "base/i18n.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "database/freeze.h"

/* After a rollback the old database goes live again as it was set aside: frozen. */
static bool apply(RunCtx *ctx, Err *err)
{
	const char *id;

	return fact_need(ctx, FACT_SPARE_ID, &id, err) && database_thaw(ctx->db, id, err) &&
	       database_door(ctx->db, id, true, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *id;

	return fact_need(ctx, FACT_SPARE_ID, &id, err) && database_door(ctx->db, id, false, err);
}

const StepDef step_open_database = {
	.id = "open-database",
	.title = N_("open the database"),
	.undo_kind = UNDO_EXACT,
	.apply = apply,
	.undo = undo,
};
