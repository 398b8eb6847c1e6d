/* make-live-database: an empty database where the site's settings want one, so that the restored
 * one can take its place like any other. */
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/make_live.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define UNDER_WAY "under way" /* there was none; its id is not known yet */

static bool live_id(const RunCtx *ctx, char **ret, Err *err)
{
	return database_id(ctx->db, database_live(ctx->db), ret, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *there = NULL;
	AUTO(free_auto) char *made = NULL;

	/* Somebody may have filled it since the flow looked. */
	if (!database_must_be_vacant(ctx->db, err) || !live_id(ctx, &there, err))
		return false;
	if (there && !str_is(fact_get(ctx, FACT_LIVE_MADE), UNDER_WAY))
		return true;
	return fact_set(ctx, FACT_LIVE_MADE, UNDER_WAY, err) && database_make_live(ctx->db, err) &&
	       live_id(ctx, &made, err) && fact_set(ctx, FACT_LIVE_MADE, made, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *made = fact_get(ctx, FACT_LIVE_MADE);
	AUTO(free_auto) char *there = NULL;

	if (!str_is(made, UNDER_WAY))
		return !made || database_unmake_live(ctx->db, made, err);
	return live_id(ctx, &there, err) && (!there || database_unmake_live(ctx->db, there, err));
}

const StepDef step_make_live_database = {
	.id = "make-live-database",
	.title = N_("make an empty database"),
	.undo_kind = UNDO_EXACT,
	.until = "restore-database",
	.apply = apply,
	.undo = undo,
};
