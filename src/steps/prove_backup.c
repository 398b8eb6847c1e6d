/* prove-backup: no backup counts until it has been restored. A set that cannot be proven stops the
 * run here, before anything was stopped. */
#include "backup/prove.h"
#include "base/event.h"
#include "base/i18n.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool find_set(RunCtx *ctx, BackupSet *ret, Err *err)
{
	const char *name;

	return fact_need(ctx, FACT_BACKUP, &name, err) && backup_find(ctx->site, name, ret, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};

	if (!find_set(ctx, &set, err))
		return false;
	if (set.proven) /* before a crash */
		return true;
	return backup_prove(&set, ctx->site, ctx->db, ctx->run, false, &report, err) &&
	       proof_judge(&set, &report, err);
}

/* A killed proof leaves scratch behind. It is in nobody's way: an undo does not fail for it. */
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
