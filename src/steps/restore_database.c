/* restore-database: the database of a backup set into the spare place; the live door is shut. */
#include "backup/backup.h"
#include "base/i18n.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	const char *spare = fact_get(ctx, FACT_SPARE);
	AUTO(free_auto) char *id = NULL;

	*ret_seen = SEEN_BEFORE;
	if (!spare)
		return true;
	if (!database_id(ctx->db, spare, &id, err))
		return false;
	if (id)
		*ret_seen = str_is(id, fact_get(ctx, FACT_SPARE_ID)) ? SEEN_AFTER : SEEN_PARTIAL;
	return true;
}

static bool record(RunCtx *ctx, Err *err)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *live_id = NULL;
	AUTO(free_auto) char *spare = database_spare_name(ctx->db, ctx->run);

	return database_about(ctx->db, &about, err) &&
	       database_id(ctx->db, database_live(ctx->db), &live_id, err) &&
	       fact_set(ctx, FACT_SERVER_ID, about.server_id, err) &&
	       (!live_id || fact_set(ctx, FACT_LIVE_ID, live_id, err)) &&
	       fact_set(ctx, FACT_SPARE_MADE, "yes", err) && fact_set(ctx, FACT_SPARE, spare, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *spare_id = NULL;
	const char *name;

	if (!fact_need(ctx, FACT_BACKUP, &name, err) || !backup_find(ctx->site, name, &set, err) ||
		!record(ctx, err) ||
		!backup_restore_database(&set, ctx->db, fact_get(ctx, FACT_SPARE), ctx->run, err) ||
		!database_id(ctx->db, fact_get(ctx, FACT_SPARE), &spare_id, err))
		return false;
	return fact_set(ctx, FACT_SPARE_ID, spare_id, err);
}

static bool verify(RunCtx *ctx, Err *err)
{
	AUTO(strlist_clear) StrList rows = {0};
	const char *spare = fact_get(ctx, FACT_SPARE);

	if (!database_revision(ctx->db, spare, &rows, err))
		return false;
	if (rows.len == 1 && str_is(rows.items[0], fact_get(ctx, FACT_REVISION_AFTER)))
		return true;
	return err_fail(err, ERR_VERIFY, "the restored database is at revision '%s', not at '%s'",
		rows.len ? rows.items[0] : "(none)", fact_get(ctx, FACT_REVISION_AFTER));
}

/* A restore asks no other checks. */
static bool check(RunCtx *ctx, Err *err)
{
	const CheckCtx about = {.site = ctx->site};

	return !site_in_container(ctx->site) || check_container(&about, err) == FINDING_OK;
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *live_id = fact_get(ctx, FACT_LIVE_ID);
	const char *spare = fact_get(ctx, FACT_SPARE);

	if (spare &&
		!database_copy_drop(ctx->db, spare, fact_get(ctx, FACT_SPARE_ID), ctx->run, err))
		return false;
	return !live_id || database_door(ctx->db, live_id, true, err);
}

const StepDef step_restore_database = {
	.id = "restore-database",
	.title = N_("restore the database beside the live one"),
	.undo_kind = UNDO_EXACT,
	.until = "swap-database",
	.observe = observe,
	.check = check,
	.apply = apply,
	.verify = verify,
	.undo = undo,
};
