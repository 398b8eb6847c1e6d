/* mark-spare: what the database holds that is about to serve, noted while nobody can write to it.
 * Whoever leaves it again can then be told what was written to it since, and gets that as files. */
#include "base/i18n.h"
#include "base/mem.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *marks = NULL;
	const char *spare;

	return fact_need(ctx, FACT_SPARE, &spare, err) &&
	       database_mark(ctx->db, spare, &marks, err) &&
	       fact_set_json(ctx, FACT_MARKS, marks, err);
}

/* It is shut, and reading it opens its door for a moment. */
static bool undo(RunCtx *ctx, Err *err)
{
	const char *id = fact_get(ctx, FACT_SPARE_ID);

	return !id || database_door(ctx->db, id, false, err);
}

const StepDef step_mark_spare = {
	.id = "mark-spare",
	.title = N_("count the rows that will serve"),
	.undo_kind = UNDO_EXACT,
	.until = "swap-database",
	.apply = apply,
	.undo = undo,
};
