/* ask_gate.h - the gate for the release a run goes to, or for the one it came from. */
#pragma once
#include "steps/run_ctx.h"

bool ask_gate_to(RunCtx *ctx, const char *step, Err *err) NODISCARD;
bool ask_gate_again(RunCtx *ctx, Err *err) NODISCARD; /* the same, once; ERR_VERIFY names the no */
bool ask_gate_from(RunCtx *ctx, const char *step, Err *err) NODISCARD;
