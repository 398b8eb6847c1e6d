/* prove-backup: no backup counts until it has been restored. A set that cannot be proven stops the
 * run here, before anything was stopped. */
#include "backup/prove.h"
#include "base/i18n.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool find_set(RunCtx *ctx, BackupSet *ret, Err *err)
{
	const char *name;

	return fact_need(ctx, FACT_BACKUP, &name, err) && backup_find(ctx->site, name, ret, err);
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};

	*ret_seen = SEEN_BEFORE;
	if (!fact_get(ctx, FACT_BACKUP))
		return true;
	if (!find_set(ctx, &set, err))
		return false;
	*ret_seen = set.proven ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};

	return find_set(ctx, &set, err) &&
	       backup_prove(&set, ctx->site, ctx->db, ctx->run, false, &report, err) &&
	       proof_judge(&set, &report, err);
}

const StepDef step_prove_backup = {
	.id = "prove-backup",
	.title = N_("prove the backup by restoring it"),
	.undo_kind = UNDO_NOTHING,
	.observe = observe,
	.apply = apply,
};
