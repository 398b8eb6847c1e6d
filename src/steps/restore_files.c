/* restore-files: uploads of a backup set are added to the live ones (nothing is deleted), its
 * vector store goes into the spare place. */
#include "backup/backup.h"
#include "base/i18n.h"
#include "os/file.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "steps/vectors.h"

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *live = vectors_live(ctx);
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *live_id = NULL;
	AUTO(free_auto) char *spare_id = NULL;
	const char *name;

	if (!fact_set(ctx, FACT_VECTOR_MADE, "yes", err) ||
		!fact_need(ctx, FACT_BACKUP, &name, err) ||
		!backup_find(ctx->site, name, &set, err))
		return false;
	spare = vectors_spare(ctx);
	if (!dir_make(live, 0755, err) || !path_id(live, &live_id, err) ||
		!fact_set(ctx, FACT_VECTOR_LIVE_ID, live_id, err) ||
		!backup_restore_files(&set, ctx->site, spare, err) ||
		!path_id(spare, &spare_id, err))
		return false;
	if (!spare_id) /* the set has no vector store */
		return true;
	return fact_set(ctx, FACT_VECTOR_LIVE, live, err) &&
	       fact_set(ctx, FACT_VECTOR_SPARE, spare, err) &&
	       fact_set(ctx, FACT_VECTOR_SPARE_ID, spare_id, err);
}

const StepDef step_restore_files = {
	.id = "restore-files",
	.title = N_("restore uploads and vector store"),
	.undo_kind = UNDO_EXACT,
	.until = "swap-vectors",
	.apply = apply,
	.undo = vectors_drop_spare,
};
