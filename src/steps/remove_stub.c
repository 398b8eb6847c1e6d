/* remove-stub: the stub of this run is not linked to any more. */
#include "base/i18n.h"
#include "release/link.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool apply(RunCtx *ctx, Err *err)
{
	return link_stub_remove(ctx->site, ctx->run, err);
}

const StepDef step_remove_stub = {
	.id = "remove-stub",
	.title = N_("tidy up"),
	.undo_kind = UNDO_NOTHING,
	.apply = apply,
};
