/* users.h - what users can do while a run goes on: said to the listeners, written down for `belay
 * status` in another terminal, and measured from outside (gate/prober.h) beside the run's own
 * account. */
#pragma once
#include "engine/step.h"
#include "steps/run_ctx.h"

typedef struct Users {
	RunCtx *ctx;
	struct Prober *prober; /* NULL: not measured */
} Users;

/* `measure` false: only said and written down. What cannot be measured is a notice. */
void users_begin(Users *users, RunCtx *ctx, bool measure);
/* The engine's on_serves; `users` is a Users. */
void users_have_now(void *users, Serves serves);
/* {"dark_ms", "read_only_ms", "longest_dark_ms", "asked", "failed"}; NULL: not measured. */
json_t *users_end(Users *users);
