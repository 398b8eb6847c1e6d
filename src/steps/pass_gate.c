/* pass-gate: the questions that a started system must answer. Its yes commits the run: whatever
 * fails afterwards never undoes a good upgrade. */
#include "base/i18n.h"
#include "steps/ask_gate.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool apply(RunCtx *ctx, Err *err)
{
	return ask_gate_to(ctx, "pass-gate", err);
}

const StepDef step_pass_gate = {
	.id = "pass-gate",
	.title = N_("ask the gate's questions"),
	.undo_kind = UNDO_NOTHING,
	.commits = true,
	.apply = apply,
};
