/* compare-database: the restored database against the figures of its backup set, before anything
 * serves from it. */
#include "backup/prove_compare.h"
#include "base/i18n.h"
#include "base/text.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

/* On another server the role may have another name. */
static bool counts(const char *slug)
{
	return !str_is(slug, "owner") && !str_is(slug, "owners");
}

static bool judge(const BackupSet *set, const ProofReport *report, Err *err)
{
	for (size_t i = 0; i < report->slugs.len; i++)
		if (counts(report->slugs.items[i]))
			return err_fail(err, ERR_VERIFY, "backup set '%s': %s", set->name,
				report->texts.items[i]);
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	const char *spare;

	return fact_need(ctx, FACT_SPARE, &spare, err) &&
	       backup_find(ctx->site, fact_get(ctx, FACT_BACKUP), &set, err) &&
	       proof_compare(
		       ctx->db, spare, json_object_get(set.manifest, "database"), &report, err) &&
	       judge(&set, &report, err);
}

const StepDef step_compare_database = {
	.id = "compare-database",
	.title = N_("compare the database with the backup set's figures"),
	.undo_kind = UNDO_NOTHING,
	.until = "swap-database",
	.apply = apply,
};
