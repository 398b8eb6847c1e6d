#include "flows/users.h"

#include "base/clock.h"
#include "base/event.h"
#include "base/i18n.h"
#include "gate/prober.h"

static const struct {
	const char *can, *text, *predicted;
	ProbePhase phase;
} said[] = {
	[SERVES_AS_BEFORE] = {"work", N_("users work"), NULL, PROBE_WORKING},
	[SERVES_READERS] = {"read", N_("users read; saving is refused"), "read_only_ms",
		PROBE_READERS},
	[SERVES_NOBODY] = {"wait", N_("users wait"), "dark_ms", PROBE_NOBODY},
};

void users_begin(Users *users, RunCtx *ctx, bool measure)
{
	AUTO(err_clear) Err err = {0};

	*users = (Users){.ctx = ctx};
	if (measure && !prober_start(ctx->site, &users->prober, &err))
		event_warn_err("not-measured", &err);
}

/* -1: nothing was predicted. */
static int64_t predicted_ms(const RunCtx *ctx, const char *key)
{
	AUTO(json_release_auto) json_t *rehearsal = key ? fact_get_json(ctx, FACT_REHEARSAL) : NULL;

	return json_int(json_object_get(rehearsal, "predicted"), key, -1);
}

static void write_down(RunCtx *ctx, Serves serves, int64_t predicted)
{
	AUTO(json_release_auto) json_t *users = json_object();
	AUTO(err_clear) Err err = {0};

	json_put(users, "can", said[serves].can);
	json_put_int(users, "since_ms", clock_wall_ms());
	if (predicted >= 0)
		json_put_int(users, "predicted_ms", predicted);
	/* Only status reads it; whether the journal can be written at all the next step finds. */
	if (!fact_set_json(ctx, FACT_USERS, users, &err))
		event_warn_err("journal", &err);
}

static void say(const RunCtx *ctx, Serves serves, int64_t predicted)
{
	AUTO(json_release_auto)
	json_t *data = predicted >= 0 ? json_pack("{s:I}", "predicted_ms", (json_int_t)predicted)
				      : NULL;
	const Event event = {
		.kind = EVENT_USERS,
		.id = ctx->run,
		.state = said[serves].can,
		.text = said[serves].text,
		.local = _(said[serves].text),
		.ms = -1,
		.data = data,
	};

	event_emit(&event);
}

void users_have_now(void *arg, Serves serves)
{
	Users *users = arg;
	const int64_t predicted = predicted_ms(users->ctx, said[serves].predicted);

	prober_users(users->prober, said[serves].phase);
	say(users->ctx, serves, predicted);
	write_down(users->ctx, serves, predicted);
}

json_t *users_end(Users *users)
{
	ProbeFigures figures;
	json_t *measured;

	prober_end(users->prober, &figures);
	*users = (Users){0};
	if (!figures.known)
		return NULL;
	measured = json_object();
	json_put_int(measured, "dark_ms", figures.dark_ms);
	json_put_int(measured, "read_only_ms", figures.read_only_ms);
	json_put_int(measured, "longest_dark_ms", figures.longest_ms);
	json_put_int(measured, "asked", figures.asked);
	json_put_int(measured, "failed", figures.failed);
	return measured;
}
