/* make-backup: a backup set of everything, while the site serves. */
#include "backup/backup.h"
#include "base/i18n.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err UNUSED)
{
	*ret_seen = fact_get(ctx, FACT_BACKUP) ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release from = {0};
	AUTO(backup_set_clear) BackupSet set = {0};

	return run_ctx_from(ctx, &from, err) &&
	       backup_make(ctx->site, ctx->db, &from, ctx->run, "make-backup", &set, err) &&
	       fact_set(ctx, FACT_BACKUP, set.name, err);
}

const StepDef step_make_backup = {
	.id = "make-backup",
	.title = N_("back up database, files, key and packages"),
	.undo_kind = UNDO_NOTHING,
	.observe = observe,
	.apply = apply,
};
