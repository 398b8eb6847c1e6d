/* swap-database: live and spare change places, after the proof that the live one is still what was
 * copied. What happened is told from ids, never from names or from a lost answer. */
#include "base/i18n.h"
#include "base/text.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

typedef struct Places {
	const char *server_id, *live_id, *spare, *spare_id;
} Places;

static bool places(RunCtx *ctx, Places *ret, Err *err)
{
	return fact_need(ctx, FACT_SERVER_ID, &ret->server_id, err) &&
	       fact_need(ctx, FACT_LIVE_ID, &ret->live_id, err) &&
	       fact_need(ctx, FACT_SPARE, &ret->spare, err) &&
	       fact_need(ctx, FACT_SPARE_ID, &ret->spare_id, err);
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *live = NULL;
	AUTO(free_auto) char *spare = NULL;
	Places known;

	if (!places(ctx, &known, err) || !database_about(ctx->db, &about, err) ||
		!database_id(ctx->db, database_live(ctx->db), &live, err) ||
		!database_id(ctx->db, known.spare, &spare, err))
		return false;
	if (!str_is(about.server_id, known.server_id))
		*ret_seen = SEEN_FOREIGN;
	else if (str_is(live, known.live_id) && str_is(spare, known.spare_id))
		*ret_seen = SEEN_BEFORE;
	else if (str_is(live, known.spare_id) && str_is(spare, known.live_id))
		*ret_seen = SEEN_AFTER;
	else
		*ret_seen = SEEN_FOREIGN;
	return true;
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *proof = fact_get_json(ctx, FACT_PROOF);
	Places known;

	if (!places(ctx, &known, err))
		return false;
	const DatabaseExchange exchange = {
		.spare = known.spare,
		.live_id = known.live_id,
		.spare_id = known.spare_id,
		.server_id = known.server_id,
		.run = ctx->run,
		.proof = proof,
		.carry = true,
	};
	return database_exchange(ctx->db, &exchange, err);
}

static bool undo(RunCtx *ctx, Err *err)
{
	Places known;
	Seen seen;

	if (!observe(ctx, &seen, err) || !places(ctx, &known, err))
		return false;
	if (seen == SEEN_BEFORE)
		return true;
	const DatabaseExchange back = {
		.spare = known.spare,
		.live_id = known.spare_id,
		.spare_id = known.live_id,
		.server_id = known.server_id,
		.run = ctx->run,
		.carry = false,
	};
	return database_exchange(ctx->db, &back, err);
}

const StepDef step_swap_database = {
	.id = "swap-database",
	.title = N_("swap the databases"),
	.undo_kind = UNDO_EXACT,
	.observe = observe,
	.apply = apply,
	.undo = undo,
};
