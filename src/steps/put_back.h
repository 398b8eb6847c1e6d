/* put_back.h - what both releases share and a release that is taken back may have spoiled: the
 * secret key's file and the uploads. They are asked again, and come from the backup set of the run.
 */
#pragma once
#include "steps/run_ctx.h"

/* Before anything stops: how many uploads there are. */
bool put_back_remember(RunCtx *ctx, Err *err) NODISCARD;
/* With no server running. Nothing is missing, or the run made no set: fine. */
bool put_back_shared(RunCtx *ctx, Err *err) NODISCARD;
