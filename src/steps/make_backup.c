/* make-backup: a backup set of everything, while the site serves. */
#include "backup/backup.h"
#include "backup/prove.h"
#include "backup/retention.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "os/file.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

/* What a killed run began and did not finish. A set that got its manifest stays, whatever becomes
 * of the run. */
static void remove_unfinished(const RunCtx *ctx)
{
	const char *name = fact_get(ctx, FACT_BACKUP_BEGUN);
	AUTO(free_auto) char *path = name ? path_join(ctx->site->backup_dir, name) : NULL;
	AUTO(free_auto) char *manifest = path ? path_join(path, "manifest.json") : NULL;
	AUTO(err_clear) Err leftover = {0};
	AUTO(err_clear) Err sweeping = {0};

	if (!backup_prove_sweep(ctx->site, ctx->db, NULL, &sweeping))
		event_warn_err("leftover", &sweeping);
	if (!path || file_kind(path) == FILE_ABSENT || file_kind(manifest) != FILE_ABSENT)
		return;
	if (!retention_remove_leftover(ctx->site, path, &leftover))
		event_warn_err("leftover", &leftover);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *name = backup_new_name(ctx->site);
	AUTO(release_clear) Release from = {0};
	AUTO(backup_set_clear) BackupSet set = {0};

	if (fact_get(ctx, FACT_BACKUP)) /* before a crash */
		return true;
	remove_unfinished(ctx);
	return run_ctx_from(ctx, &from, err) && fact_set(ctx, FACT_BACKUP_BEGUN, name, err) &&
	       backup_make(ctx->site, ctx->db, &from, ctx->run, "make-backup", name, &set, err) &&
	       fact_set(ctx, FACT_BACKUP, set.name, err);
}

static bool undo(RunCtx *ctx, Err *err UNUSED)
{
	remove_unfinished(ctx);
	return true;
}

const StepDef step_make_backup = {
	.id = "make-backup",
	.title = N_("back up database, files, key and packages"),
	.undo_kind = UNDO_NOTHING,
	.apply = apply,
	.undo = undo,
};
