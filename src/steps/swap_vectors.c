/* swap-vectors: the live vector store and the spare one change places, by one rename. */
#include "base/i18n.h"
#include "base/text.h"
#include "os/file.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/vectors.h"

static bool needed(RunCtx *ctx)
{
	/* In a plan there is no run and nothing recorded yet. */
	return ctx->run ? fact_get(ctx, FACT_VECTOR_SPARE_ID) != NULL : vectors_exist(ctx);
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(free_auto) char *live = vectors_live(ctx);
	AUTO(free_auto) char *spare = vectors_spare(ctx);
	AUTO(free_auto) char *at_live = NULL;
	AUTO(free_auto) char *at_spare = NULL;
	const char *live_id = fact_get(ctx, FACT_VECTOR_LIVE_ID);
	const char *spare_id = fact_get(ctx, FACT_VECTOR_SPARE_ID);

	if (!path_id(live, &at_live, err) || !path_id(spare, &at_spare, err))
		return false;
	if (str_is(at_live, live_id) && str_is(at_spare, spare_id))
		*ret_seen = SEEN_BEFORE;
	else if (str_is(at_live, spare_id) && str_is(at_spare, live_id))
		*ret_seen = SEEN_AFTER;
	else
		*ret_seen = SEEN_FOREIGN;
	return true;
}

static bool exchange(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *live = vectors_live(ctx);
	AUTO(free_auto) char *spare = vectors_spare(ctx);

	return path_exchange(live, spare, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	Seen seen;

	return observe(ctx, &seen, err) && (seen == SEEN_BEFORE || exchange(ctx, err));
}

const StepDef step_swap_vectors = {
	.id = "swap-vectors",
	.title = N_("swap the vector stores"),
	.undo_kind = UNDO_EXACT,
	.needed = needed,
	.observe = observe,
	.apply = exchange,
	.undo = undo,
};
