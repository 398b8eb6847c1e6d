/* copy-database: the spare place gets a copy of the live database, either with the live door shut
 * from here on, or while users read on. What the live database holds at that moment is recorded as
 * the proof that the swap asks for. */
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"
#include "database/freeze.h"
#include "database/read_on.h"

static bool spare_place(RunCtx *ctx, const char **ret, Err *err)
{
	AUTO(free_auto) char *spare = NULL;

	if (!fact_get(ctx, FACT_SPARE)) {
		spare = database_spare_name(ctx->db, ctx->run);
		if (!fact_set(ctx, FACT_SPARE, spare, err))
			return false;
	}
	return fact_need(ctx, FACT_SPARE, ret, err);
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(free_auto) char *live_id = NULL;
	AUTO(free_auto) char *spare_id = NULL;
	const char *spare = fact_get(ctx, FACT_SPARE);
	bool open;

	*ret_seen = SEEN_BEFORE;
	if (!spare)
		return true;
	if (!database_id(ctx->db, database_live(ctx->db), &live_id, err) ||
		!database_id(ctx->db, spare, &spare_id, err))
		return false;
	if (!live_id || !str_is(live_id, fact_get(ctx, FACT_LIVE_ID))) {
		*ret_seen = SEEN_FOREIGN;
		return true;
	}
	if (!database_door_is_open(ctx->db, live_id, &open, err))
		return false;
	if (spare_id && fact_get(ctx, FACT_PROOF) && str_is(spare_id, fact_get(ctx, FACT_SPARE_ID)))
		*ret_seen = SEEN_AFTER;
	else if (spare_id || !open)
		*ret_seen = SEEN_PARTIAL;
	return true;
}

static bool record_places(RunCtx *ctx, const char **ret_spare, Err *err)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *live_id = NULL;

	if (!database_about(ctx->db, &about, err) ||
		!database_id(ctx->db, database_live(ctx->db), &live_id, err))
		return false;
	if (!live_id)
		return err_fail(
			err, ERR_DATABASE, "there is no database '%s'", database_live(ctx->db));
	return fact_set(ctx, FACT_SERVER_ID, about.server_id, err) &&
	       fact_set(ctx, FACT_LIVE_ID, live_id, err) &&
	       fact_set(ctx, FACT_SPARE_MADE, "yes", err) && spare_place(ctx, ret_spare, err);
}

static bool copy(RunCtx *ctx, const char *spare, json_t **ret_proof, Err *err)
{
	AUTO(free_auto) char *gap = NULL;
	const char *from;
	int64_t gap_ms, max_gap_ms;

	if (!run_ctx_reads_on(ctx))
		return database_copy_make(ctx->db, spare, ctx->run, ret_proof, err);
	if (!fact_need(ctx, FACT_FROM_VERSION, &from, err))
		return false;
	max_gap_ms = read_on_gap_ms(ctx->site, from);
	if (!database_copy_frozen(ctx->db, spare, ctx->run, max_gap_ms, ret_proof, &gap_ms, err))
		return false;
	gap = str_format("%lld", (long long)gap_ms);
	return fact_set(ctx, FACT_GAP_MS, gap, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *proof = NULL;
	AUTO(free_auto) char *spare_id = NULL;
	const char *spare;

	if (!record_places(ctx, &spare, err) || !copy(ctx, spare, &proof, err) ||
		!database_id(ctx->db, spare, &spare_id, err))
		return false;
	if (!spare_id)
		return err_fail(err, ERR_VERIFY, "the copy '%s' is not there", spare);
	return fact_set(ctx, FACT_SPARE_ID, spare_id, err) &&
	       fact_set_json(ctx, FACT_PROOF, proof, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	const char *spare = fact_get(ctx, FACT_SPARE);
	const char *live_id = fact_get(ctx, FACT_LIVE_ID);
	AUTO(err_clear) Err cleaning = {0};

	/* Users do not wait for a folder to go: the next prune tries again. */
	if (!migrate_copy_sweep(ctx->site, &cleaning))
		event_warn_err("scratch", &cleaning);
	if (!spare || !live_id)
		return true;
	return database_copy_drop(ctx->db, spare, fact_get(ctx, FACT_SPARE_ID), ctx->run, err) &&
	       database_door(ctx->db, live_id, true, err);
}

const StepDef step_copy_database = {
	.id = "copy-database",
	.title = N_("copy the database"),
	.undo_kind = UNDO_EXACT,
	.until = "swap-database",
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
