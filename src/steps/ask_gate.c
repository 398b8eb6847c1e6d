#include "steps/ask_gate.h"

#include <stdlib.h>

#include "base/event.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "os/file.h"
#include "steps/vectors.h"

#define STAY_MS 1000

/* The answers go into the run's folder: the final report shows them. */
static void keep_answers(RunCtx *ctx, const char *step, const GateReport *report)
{
	AUTO(free_auto) char *path = run_ctx_log(ctx, "gate.json");
	AUTO(json_release_auto) json_t *all = json_object();
	AUTO(free_auto) char *text = NULL;
	AUTO(err_clear) Err err = {0};

	json_put(all, "step", step);
	json_put_int(all, "pid", report->pid);
	json_put_int(all, "waited_ms", report->waited_ms);
	json_object_set(all, "answers", report->answers ? report->answers : json_null());
	json_object_set(all, "findings", report->findings ? report->findings : json_null());
	text = json_pretty(all);
	if (!file_write_text(path, text, 0600, &err))
		event_warn_err("evidence", &err);
}

static GateSpec common_questions(
	RunCtx *ctx, const Release *release, const char *head, const char *step)
{
	return (GateSpec){
		.site = ctx->site,
		.db = ctx->db,
		.release = release,
		.head = head,
		.key_sha256 = fact_get(ctx, FACT_KEY_SHA256),
		.had_users = fact_is_yes(ctx, FACT_HAD_USERS),
		.step = step,
	};
}

static bool ask(RunCtx *ctx, const GateSpec *spec, Err *err)
{
	AUTO(gate_report_clear) GateReport report = {0};
	bool yes = gate_wait(spec, &report, err);

	keep_answers(ctx, spec->step, &report);
	return yes;
}

static bool rehearsed(RunCtx *ctx)
{
	AUTO(json_release_auto) json_t *rehearsal = fact_get_json(ctx, FACT_REHEARSAL);

	return rehearsal && !json_flag(rehearsal, "skipped", false);
}

/* NULL: once, now, and the answers of the run stay those of its gate. */
static bool ask_to(RunCtx *ctx, const char *step, Err *err)
{
	AUTO(gate_report_clear) GateReport now = {0};
	AUTO(release_clear) Release to = {0};
	AUTO(json_release_auto) json_t *rows = fact_get_json(ctx, FACT_COUNTS);
	AUTO(free_auto) char *uploads = path_join(ctx->site->webui.data_dir, "uploads");
	AUTO(free_auto) char *vectors = vectors_live(ctx);
	const char *uploads_before = fact_get(ctx, FACT_UPLOADS), *head;
	GateSpec spec;

	if (!run_ctx_to(ctx, &to, err) || !fact_need(ctx, FACT_REVISION_AFTER, &head, err))
		return false;
	spec = common_questions(ctx, &to, head, step);
	spec.rows = rows;
	spec.uploads_dir = uploads;
	spec.uploads = uploads_before ? strtoll(uploads_before, NULL, 10) : 0;
	spec.vector_dir = vectors;
	spec.vector_before = fact_get(ctx, FACT_VECTOR_SPARE);
	spec.stay_ms = rehearsed(ctx) || !rows ? 0 : STAY_MS;
	return step ? ask(ctx, &spec, err) : gate_ask(&spec, &now, err);
}

bool ask_gate_to(RunCtx *ctx, const char *step, Err *err)
{
	return ask_to(ctx, step, err);
}

bool ask_gate_again(RunCtx *ctx, Err *err)
{
	return ask_to(ctx, NULL, err);
}

bool ask_gate_from(RunCtx *ctx, const char *step, Err *err)
{
	AUTO(release_clear) Release from = {0};
	const char *head;
	GateSpec spec;

	if (!run_ctx_from(ctx, &from, err) || !fact_need(ctx, FACT_REVISION_BEFORE, &head, err))
		return false;
	spec = common_questions(ctx, &from, head, step);
	return ask(ctx, &spec, err);
}
