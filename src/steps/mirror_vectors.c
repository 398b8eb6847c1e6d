/* mirror-vectors: the long first pass over the vector store, while the site serves; copy-vectors
 * makes it exact when nobody writes any more. */
#include "base/i18n.h"
#include "os/tree.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/vectors.h"

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *live = vectors_live(ctx);
	AUTO(free_auto) char *spare = vectors_spare(ctx);

	return fact_set(ctx, FACT_VECTOR_MADE, "yes", err) && tree_mirror(live, spare, err);
}

const StepDef step_mirror_vectors = {
	.id = "mirror-vectors",
	.title = N_("copy the vector store, first pass"),
	.undo_kind = UNDO_NOTHING,
	.until = "copy-vectors",
	.needed = vectors_exist,
	.apply = apply,
	.undo = vectors_drop_spare,
};
