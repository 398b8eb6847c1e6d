/* prove-backup: no backup counts until it has been restored. A set that cannot be proven stops the
 * run here, before anything was stopped. */
#include "backup/prove.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool find_set(RunCtx *ctx, BackupSet *ret, Err *err)
{
	const char *name;

	return fact_need(ctx, FACT_BACKUP, &name, err) && backup_find(ctx->site, name, ret, err);
}

/* The rehearsal works on what the proof restored, so that a set is restored once. The place is
 * written down before it is made, the rest when it is whole. */
static bool note_scratch(RunCtx *ctx, const char *place, const ProofReport *report, Err *err)
{
	AUTO(json_release_auto) json_t *scratch = json_object();

	json_put(scratch, "place", place);
	if (report) {
		json_put_int(scratch, "ms", report->restore_ms);
		json_put_int(scratch, "wal_bytes", report->work.wal_bytes);
		json_put_int(scratch, "checkpoints", report->work.checkpoints);
	}
	return fact_set_json(ctx, FACT_SCRATCH, scratch, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(free_auto) char *place = database_scratch_name(ctx->db, ctx->run);
	const bool keep = run_ctx_rehearses(ctx);

	if (!find_set(ctx, &set, err))
		return false;
	if (set.proven) /* before a crash */
		return true;
	return (!keep || note_scratch(ctx, place, NULL, err)) &&
	       backup_prove(&set, ctx->site, ctx->db, ctx->run, keep, &report, err) &&
	       proof_judge(&set, &report, err) &&
	       (!report.scratch || note_scratch(ctx, report.scratch, &report, err));
}

/* A killed proof, and one whose rehearsal did not come about, leave scratch behind. It is in
 * nobody's way: an undo does not fail for it. */
static bool undo(RunCtx *ctx, Err *err UNUSED)
{
	AUTO(err_clear) Err leftover = {0};

	if (!backup_prove_sweep(ctx->site, ctx->db, NULL, &leftover))
		event_warn_err("leftover", &leftover);
	return true;
}

const StepDef step_prove_backup = {
	.id = "prove-backup",
	.title = N_("prove the backup by restoring it"),
	.undo_kind = UNDO_NOTHING,
	.apply = apply,
	.undo = undo,
};
