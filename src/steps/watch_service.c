/* watch-service: the gate's questions go on for a while after users came back, for a release that
 * answers at first and fails once people use it. Nothing is undone; a no is told, with the way
 * back. INT and TERM only end the watching. */
#include <poll.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/i18n.h"
#include "os/signals.h"
#include "steps/ask_gate.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define EVERY_MS 5000

/* A busy server may be late once. */
static bool well(RunCtx *ctx, Err *ret_why)
{
	if (ask_gate_again(ctx, ret_why))
		return true;
	err_clear(ret_why);
	poll(NULL, 0, EVERY_MS);
	return ask_gate_again(ctx, ret_why);
}

static bool is_needed(RunCtx *ctx)
{
	return ctx->site->watch_ms > 0;
}

static bool apply(RunCtx *ctx, Err *err UNUSED)
{
	const Deadline end = deadline_in(ctx->site->watch_ms);

	for (;;) {
		const int64_t left = deadline_left_ms(end);
		AUTO(err_clear) Err why = {0};

		/* A signal cuts the waiting short, also while it is held back. */
		if (left <= 0 || signals_seen())
			return true;
		poll(NULL, 0, left < EVERY_MS ? (int)left : EVERY_MS);
		if (signals_seen())
			return true;
		if (!well(ctx, &why)) {
			err_hint(&why, "belay rollback");
			err_wrap(&why, "the new version answered, and does so no more");
			event_notice_err("watch", true, &why);
			return true;
		}
		event_progress("watch-service", 0, 0, "all well so far");
	}
}

const StepDef step_watch_service = {
	.id = "watch-service",
	.title = N_("watch the new version"),
	.undo_kind = UNDO_NOTHING,
	.needed = is_needed,
	.apply = apply,
};
