/* copy-vectors: the second pass, while nobody writes: afterwards the spare equals the live store.
 */
#include "base/i18n.h"
#include "os/file.h"
#include "os/tree.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/vectors.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err UNUSED)
{
	AUTO(free_auto) char *spare = vectors_spare(ctx);

	/* Whether it is exact is not asked: the second pass is short and safe to repeat. */
	*ret_seen = file_kind(spare) == FILE_ABSENT ? SEEN_BEFORE : SEEN_PARTIAL;
	return true;
}

/* A first pass that was completed is synced, and users wait: so only what this one changes. One
 * that was broken off may have left files that look complete. */
static bool second_pass(
	RunCtx *ctx, const char *live, const char *spare, const char *live_id, Err *err)
{
	const bool synced = fact_is_yes(ctx, FACT_VECTOR_MADE) &&
			    !fact_get(ctx, FACT_VECTOR_LIVE_ID);

	if (!fact_set(ctx, FACT_VECTOR_MADE, "yes", err) ||
		!fact_set(ctx, FACT_VECTOR_LIVE_ID, live_id, err))
		return false;
	return synced ? tree_mirror_changes(live, spare, err) : tree_mirror(live, spare, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *live = vectors_live(ctx);
	AUTO(free_auto) char *spare = vectors_spare(ctx);
	AUTO(free_auto) char *live_id = NULL;
	AUTO(free_auto) char *spare_id = NULL;

	return path_id(live, &live_id, err) && second_pass(ctx, live, spare, live_id, err) &&
	       path_id(spare, &spare_id, err) && fact_set(ctx, FACT_VECTOR_LIVE, live, err) &&
	       fact_set(ctx, FACT_VECTOR_SPARE, spare, err) &&
	       fact_set(ctx, FACT_VECTOR_SPARE_ID, spare_id, err);
}

const StepDef step_copy_vectors = {
	.id = "copy-vectors",
	.title = N_("copy the vector store, second pass"),
	.undo_kind = UNDO_EXACT,
	.until = "swap-vectors",
	.needed = vectors_exist,
	.observe = observe,
	.apply = apply,
	.undo = vectors_drop_spare,
};
