/* rehearse: the target's migrations on a copy of the real data, and one boot of it, before anything
 * is stopped; and the verdict on how long users would wait. */
#include "rehearse/rehearse.h"
#include "base/i18n.h"
#include "base/text.h"
#include "checks/room.h"
#include "os/memory.h"
#include "os/process_table.h"
#include "service/service.h"
#include "steps/record_recipe.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

/* A plan is made before there is a run. */
static bool needed(RunCtx *ctx)
{
	return !ctx->run || run_ctx_rehearses(ctx);
}

static bool wait_is_fine(const Site *site, const Rehearsal *rehearsal, Err *err)
{
	const int64_t dark = rehearsal->dark_ms, read_only = rehearsal->read_only_ms;

	if (site->max_dark_ms > 0 && dark > site->max_dark_ms)
		err_fail(err, ERR_REFUSED,
			"users would have no service for %lld s, and max_dark allows %lld s",
			whole_seconds(dark), whole_seconds(site->max_dark_ms));
	else if (site->max_read_only_ms > 0 && read_only > site->max_read_only_ms)
		err_fail(err, ERR_REFUSED,
			"saving would be refused for %lld s, and max_read_only allows %lld s",
			whole_seconds(read_only), whole_seconds(site->max_read_only_ms));
	else
		return true;
	return err_hint(
		err, "allow more in '%s', or take a release with faster migrations", site->file);
}

/* The migrations and the next server had this room a moment ago, but it is needed once more, and
 * what they left must stay. */
static bool room_is_fine(const RunCtx *ctx, const Rehearsal *rehearsal, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(room_clear) Room room = {0};
	AUTO(err_clear) Err why = {0};
	const bool peaked = rehearsal->peak_bytes > rehearsal->bytes_after;

	if (!service_state(ctx->site, &state, err))
		return false;
	const RoomMeasured measured = {
		.database_bytes = peaked ? rehearsal->peak_bytes : rehearsal->bytes_after,
		.log_bytes = rehearsal->work.wal_bytes,
		.migrate_kb = rehearsal->peak_rss_kb,
		.serve_kb = rehearsal->waiting_pss_kb,
		.available_kb = memory_available_kb(),
		.serves_now_kb = state.pid ? process_pss_kb(state.pid) : 0,
	};

	if (!room_measured(ctx->site, ctx->db, &measured, &room, err))
		return false;
	if (room_judge(&room, &why) == FINDING_REFUSED)
		err_move(err, &why);
	else if (room_memory_judge(&measured, err))
		return true;
	return err_wrap(err, "after the rehearsal");
}

static bool run_it(RunCtx *ctx, Rehearsal *ret, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(migrations_clear) Migrations migrations = {0};
	AUTO(release_clear) Release to = {0};
	AUTO(release_clear) Release from = {0};
	AUTO(json_release_auto) json_t *scratch = fact_get_json(ctx, FACT_SCRATCH);
	const bool whole = json_object_get(scratch, "ms") != NULL;
	const char *name, *revision;

	if (!fact_need(ctx, FACT_BACKUP, &name, err) ||
		!fact_need(ctx, FACT_REVISION_BEFORE, &revision, err) ||
		!backup_find(ctx->site, name, &set, err) || !run_ctx_to(ctx, &to, err) ||
		!run_ctx_from(ctx, &from, err) ||
		!migrations_read(to.package_dir, &migrations, err))
		return false;
	const RehearsalSpec spec = {
		.site = ctx->site,
		.db = ctx->db,
		.target = &to,
		.current = &from,
		.migrations = &migrations,
		.revision = revision,
		.set = &set,
		.scratch = whole ? json_str(scratch, "place") : NULL,
		.scratch_ms = json_int(scratch, "ms", 0),
		.scratch_work = {json_int(scratch, "wal_bytes", 0),
			json_int(scratch, "checkpoints", 0)},
		.run = ctx->run,
		.folder = ctx->folder,
	};

	return rehearse(&spec, ret, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(rehearsal_clear) Rehearsal rehearsal = {0};

	/* Its report is no effect that an undo takes back, so there is nothing to observe. */
	if (fact_get(ctx, FACT_REHEARSAL))
		return true;
	/* What runs now is rehearsed, not what was adopted once. */
	return run_ctx_from_is_intact(ctx, err) && record_recipe(ctx, err) &&
	       run_it(ctx, &rehearsal, err) && wait_is_fine(ctx->site, &rehearsal, err) &&
	       room_is_fine(ctx, &rehearsal, err) &&
	       fact_set_json(ctx, FACT_REHEARSAL, rehearsal.report, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	return rehearse_sweep(ctx->site, ctx->db, err);
}

const StepDef step_rehearse = {
	.id = "rehearse",
	.title = N_("rehearse the upgrade on a copy"),
	.undo_kind = UNDO_NOTHING,
	.needed = needed,
	.apply = apply,
	.undo = undo,
};
