/* The upgrade, on one page: what the steps are, and what happens before and after them. */
#include "base/clock.h"
#include "base/event.h"
#include "base/text.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "steps/steps.h"

const StepDef *const upgrade_steps[] = {
	/* users work */
	&step_build_release,
	&step_make_backup,
	&step_rehearse,
	&step_mirror_vectors,
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
	NULL,
};

static bool set_facts(Session *session, const Prepared *prepared, Err *err)
{
	return set_common_facts(session->ctx, prepared, err) &&
	       fact_set(session->ctx, FACT_TO_VERSION, prepared->version, err) &&
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

static bool run(
	Session *session, const FlowWish *wish, const Prepared *prepared, FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_begin(session, err))
		return session_result(session, NULL, NULL, ret, err);
	if (set_facts(session, prepared, err) &&
		(!wish->skip_rehearsal || skip_rehearsal(session->ctx, err)))
		end = session_run(session, upgrade_steps, &cause, err);
	return session_finish(session, end, "upgraded", &cause, ret, err);
}

/* NULL: go on; else the outcome that ends the flow here. */
static const char *decide(Session *session, const FlowWish *wish, const Prepared *prepared,
	json_t **ret_more, Err *err)
{
	json_t *plan;

	if (prepared->same)
		return "nothing-to-do";
	if (!prepare_check(session->site, prepared, err))
		return "refused";
	plan = plan_make(session->site, "upgrade", prepared, upgrade_steps);
	*ret_more = json_pack("{s:s, s:s, s:O}", "from", prepared->current.version, "to",
		prepared->version, "plan", plan);
	if (wish->plan_only) {
		json_decref(plan);
		return "planned";
	}
	if (wish->confirm && !wish->confirm(wish->arg, plan)) {
		json_decref(plan);
		return "declined";
	}
	json_decref(plan);
	return NULL;
}

static bool upgrade(Session *session, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(json_release_auto) json_t *more = NULL;
	const char *outcome;

	if (!prepare_target(session->site, wish->version, &prepared, err))
		return session_result(session, NULL, NULL, ret, err);
	outcome = decide(session, wish, &prepared, &more, err);
	if (outcome)
		return session_result(session, outcome, more, ret, err);
	return run(session, wish, &prepared, ret, err);
}

bool flow_upgrade(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};

	if (!session_open(&session, site, "upgrade", false, err))
		return session_result(&session, NULL, NULL, ret, err);
	return upgrade(&session, wish, ret, err);
}

bool flow_check(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	Session session = {
		.site = site,
		.command = "check",
		.began_ms = clock_mono_ms(),
	};
	bool ready = wish->version ? prepare_target(site, wish->version, &prepared, err)
				   : prepare_site(site, &prepared, err);

	if (ready && !prepare_check(site, &prepared, err))
		ready = false;
	return session_result(&session, ready ? "checked" : NULL, NULL, ret, err);
}
