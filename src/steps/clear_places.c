/* clear-places: the empty database and vector store that the restored ones took the places of. */
#include "base/i18n.h"
#include "os/file.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/vectors.h"

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *vectors = vectors_spare(ctx);
	const char *spare, *id;

	if (!fact_need(ctx, FACT_SPARE, &spare, err) || !fact_need(ctx, FACT_LIVE_ID, &id, err) ||
		!database_kept_drop(ctx->db, spare, id, err))
		return false;
	(void)!rmdir(vectors); /* only what is empty */
	return fact_set(ctx, FACT_WAY_BACK_GONE, "yes", err);
}

const StepDef step_clear_places = {
	.id = "clear-places",
	.title = N_("remove the empty database"),
	.undo_kind = UNDO_NOTHING,
	.apply = apply,
};
