#include "steps/ask_gate.h"

#include "base/event.h"
#include "gate/gate.h"
#include "os/file.h"

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

static bool ask(RunCtx *ctx, const Release *release, const char *head, const char *step, Err *err)
{
	AUTO(gate_report_clear) GateReport report = {0};
	const GateSpec spec = {
		.site = ctx->site,
		.db = ctx->db,
		.release = release,
		.head = head,
		.key_sha256 = fact_get(ctx, FACT_KEY_SHA256),
		.had_users = fact_is_yes(ctx, FACT_HAD_USERS),
		.step = step,
	};
	bool yes = gate_wait(&spec, &report, err);

	keep_answers(ctx, step, &report);
	return yes;
}

bool ask_gate_to(RunCtx *ctx, const char *step, Err *err)
{
	AUTO(release_clear) Release to = {0};
	const char *head;

	return run_ctx_to(ctx, &to, err) && fact_need(ctx, FACT_REVISION_AFTER, &head, err) &&
	       ask(ctx, &to, head, step, err);
}

bool ask_gate_from(RunCtx *ctx, const char *step, Err *err)
{
	AUTO(release_clear) Release from = {0};
	const char *head;

	return run_ctx_from(ctx, &from, err) && fact_need(ctx, FACT_REVISION_BEFORE, &head, err) &&
	       ask(ctx, &from, head, step, err);
}
