/* The upgrade, on one page: what the steps are, and what happens before and after them. */
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "flows/upgrade_plan.h"
#include "steps/steps.h"
#include "database/read_on.h"

const StepDef *const upgrade_steps[] = {
	/* users work */
	&step_own_environment,
	&step_build_release,
	&step_make_backup,
	&step_prove_backup,
	&step_rehearse,
	&step_mirror_vectors,
	&step_prewarm_service,
	/* ---- dark from here ---- */
	&step_stop_service,
	&step_block_start,
	&step_move_data,
	&step_copy_database,
	&step_copy_vectors,
	&step_migrate_copy,
	&step_swap_database,
	&step_swap_vectors,
	&step_switch_release,
	&step_open_database,
	&step_start_service,
	&step_pass_gate,
	/* ---- the new version serves; nothing is undone any more ---- */
	&step_remove_stub,
	&step_apply_retention,
	&step_watch_service,
	NULL,
};

/* The same where users can read on: the copy is made and migrated before anything is stopped. */
const StepDef *const upgrade_reading_steps[] = {
	/* users work */
	&step_own_environment,
	&step_build_release,
	&step_make_backup,
	&step_prove_backup,
	&step_rehearse,
	&step_mirror_vectors,
	&step_prewarm_service,
	/* ---- read-only from here ---- */
	&step_freeze_database,
	&step_copy_database,
	&step_migrate_copy,
	/* ---- dark from here ---- */
	&step_stop_service,
	&step_block_start,
	&step_move_data,
	&step_copy_vectors,
	&step_swap_database,
	&step_swap_vectors,
	&step_switch_release,
	&step_open_database,
	&step_start_service,
	&step_pass_gate,
	/* ---- the new version serves; nothing is undone any more ---- */
	&step_remove_stub,
	&step_apply_retention,
	&step_watch_service,
	NULL,
};

static bool set_facts(Session *session, const Prepared *prepared, Err *err)
{
	/* The installed version whose migrations did not run: it is there already. */
	const bool installed = str_is(prepared->version, prepared->current.version);

	return set_common_facts(session->ctx, prepared, err) &&
	       fact_set(session->ctx, FACT_TO_VERSION, prepared->version, err) &&
	       (!installed || fact_set(session->ctx, FACT_TO_HOME,
				      fact_get(session->ctx, FACT_FROM_HOME), err)) &&
	       fact_set(session->ctx, FACT_REVISION_AFTER, prepared->migrations.head, err);
}

/* Recorded in the journal and in the result: whoever reads the run sees what was not tried. */
static bool skip_rehearsal(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *skipped = json_pack("{s:b}", "skipped", 1);

	event_notice("rehearsal-skipped", true,
		"the release is not tried on a copy of the data first: --skip-rehearsal was typed");
	return fact_set_json(ctx, FACT_REHEARSAL, skipped, err);
}

static const StepDef *const *steps_for(bool reads_on)
{
	return reads_on ? upgrade_reading_steps : upgrade_steps;
}

static bool run(Session *session, const FlowWish *wish, const Prepared *prepared, bool reads_on,
	FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_begin(session, err))
		return session_result(session, NULL, NULL, ret, err);
	if (set_facts(session, prepared, err) &&
		fact_set(session->ctx, FACT_READS_ON, reads_on ? "yes" : "no", err) &&
		(!wish->skip_rehearsal || skip_rehearsal(session->ctx, err)))
		end = session_run(session, steps_for(reads_on), &cause, err);
	return session_finish(session, end, "upgraded", &cause, ret, err);
}

/* Shows the plan. NULL: go on; else the outcome that ends the flow here. */
static const char *decide(Session *session, const FlowWish *wish, const Prepared *prepared,
	const ReadOn *choice, json_t **ret_more, Err *err)
{
	AUTO(json_release_auto) json_t *plan = NULL;

	plan = plan_make(session->site, "upgrade", prepared, steps_for(choice->reads));
	upgrade_plan_add(session->site, prepared, choice, plan);
	plan_put_room(plan, session->site, prepared);
	*ret_more = json_pack("{s:s, s:s, s:O}", "from", prepared->current.version, "to",
		prepared->version, "plan", plan);
	if (wish->plan_only)
		return "planned";
	return session_agree(wish, plan, err) ? NULL : "declined";
}

static bool choose_mode(Session *session, const Prepared *prepared, ReadOn *ret, Err *err)
{
	AUTO(err_clear) Err why = {0};

	if (!read_on_choose(session->site, prepared->db, prepared->current.version, ret, &why, err))
		return false;
	if (!ret->reads) {
		err_wrap(&why, "users cannot read while the data is copied and migrated");
		event_notice_err("dark-copy", false, &why);
	}
	return true;
}

static bool upgrade(Session *session, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(json_release_auto) json_t *more = NULL;
	AUTO(read_on_clear) ReadOn choice = {0};
	const char *outcome;

	if (!prepare_target(session->site, wish->version, &prepared, err))
		return session_result(session, NULL, NULL, ret, err);
	if (prepared.same)
		return session_result(session, "nothing-to-do", NULL, ret, err);
	if (!prepare_check(session->site, &prepared, err) ||
		!choose_mode(session, &prepared, &choice, err))
		return session_result(session, NULL, NULL, ret, err);
	outcome = decide(session, wish, &prepared, &choice, &more, err);
	if (outcome)
		return session_result(session, outcome, more, ret, err);
	return run(session, wish, &prepared, choice.reads, ret, err);
}

bool flow_upgrade(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};

	if (!session_open(&session, site, "upgrade", false, err))
		return session_result(&session, NULL, NULL, ret, err);
	return upgrade(&session, wish, ret, err);
}
