/* make-live-database: an empty database where the site's settings want one, so that the restored
 * one can take its place like any other. */
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/make_live.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *there = NULL;
	AUTO(free_auto) char *made = NULL;

	/* Somebody may have filled it since the flow looked. */
	if (!database_must_be_vacant(ctx->db, err) ||
		!database_id(ctx->db, database_live(ctx->db), &there, err))
		return false;
	if (there)
		return true;
	if (!database_make_live(ctx->db, err) ||
		!database_id(ctx->db, database_live(ctx->db), &made, err))
		return false;
	return fact_set(ctx, FACT_LIVE_MADE, made, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *made = fact_get(ctx, FACT_LIVE_MADE);

	return !made || database_unmake_live(ctx->db, made, err);
}

const StepDef step_make_live_database = {
	.id = "make-live-database",
	.title = N_("make an empty database"),
	.undo_kind = UNDO_EXACT,
	.until = "restore-database",
	.apply = apply,
	.undo = undo,
};
