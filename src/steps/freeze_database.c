/* freeze-database: from here on reading works and saving is refused, until the swap. A default of
 * the database, no barrier: the proof at the swap tells whether somebody wrote nevertheless. */
#include "base/i18n.h"
#include "base/text.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "database/freeze.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	const char *id = fact_get(ctx, FACT_LIVE_ID);
	bool frozen;

	*ret_seen = SEEN_BEFORE;
	if (!id)
		return true;
	if (!database_is_frozen(ctx->db, id, &frozen, err))
		return false;
	*ret_seen = frozen ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *id = NULL;

	if (!run_ctx_from_is_intact(ctx, err) ||
		!database_id(ctx->db, database_live(ctx->db), &id, err))
		return false;
	if (!id)
		return err_fail(
			err, ERR_DATABASE, "there is no database '%s'", database_live(ctx->db));
	return fact_set(ctx, FACT_LIVE_ID, id, err) && database_freeze(ctx->db, id, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *id = fact_get(ctx, FACT_LIVE_ID);

	return !id || database_thaw(ctx->db, id, err);
}

const StepDef step_freeze_database = {
	.id = "freeze-database",
	.title = N_("let users read on, and save nothing"),
	.undo_kind = UNDO_EXACT,
	.begins = SERVES_READERS,
	.until = "swap-database",
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
