/* record_recipe.h - how the server that runs now was started, from the process itself: resume needs
 * it after a power cut, and the operator may have restarted it differently since adopt. */
#pragma once
#include "steps/run_ctx.h"

/* Into STATE/recipe.json and the site at hand; nothing happens when no server runs. */
bool record_recipe(RunCtx *ctx, Err *err) NODISCARD;
