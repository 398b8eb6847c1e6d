/* mark-spare: what the database holds that is about to serve, noted while nobody can write to it.
 * Whoever leaves it again can then be told what was written to it since, and gets that as files. */
#include "base/i18n.h"
#include "base/mem.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err UNUSED)
{
	*ret_seen = fact_get(ctx, FACT_MARKS) ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *marks = NULL;
	const char *spare;

	return fact_need(ctx, FACT_SPARE, &spare, err) &&
	       database_mark(ctx->db, spare, &marks, err) &&
	       fact_set_json(ctx, FACT_MARKS, marks, err);
}

const StepDef step_mark_spare = {
	.id = "mark-spare",
	.title = N_("count the rows that will serve"),
	.undo_kind = UNDO_NOTHING,
	.until = "swap-database",
	.observe = observe,
	.apply = apply,
};
