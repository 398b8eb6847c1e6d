/* The upgrade, on one page: what the steps are, and what happens before and after them. */
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "rehearse/rehearse.h"
#include "steps/steps.h"
#include "database/freeze.h"

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
	NULL,
};

/* `ret_why` stays empty when users can read on. */
static bool can_read_on(const Prepared *prepared, const Site *site, Err *ret_why, Err *err)
{
	/* The copy would move away with the data, between the copying and the swap. */
	if (database_is_sqlite(prepared->db) && site->webui.data_inside_environment &&
		file_kind(site->environment) == FILE_FOLDER) {
		err_fail(ret_why, ERR_REFUSED, "the data still lies inside the environment");
		return true;
	}
	return database_can_freeze(prepared->db, ret_why, err);
}

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

/* How long users will wait, when this version was rehearsed on this site before. */
static void put_prediction(const Site *site, const char *version, json_t *plan)
{
	AUTO(rehearsal_clear) Rehearsal known = {0};
	AUTO(err_clear) Err err = {0};
	bool found;

	if (!rehearsal_load(site, version, &known, &found, &err) || !found)
		return;
	json_put_int(plan, "dark_ms", known.dark_ms);
	json_put_int(plan, "read_only_ms", known.read_only_ms);
}

/* Shows the plan. NULL: go on; else the outcome that ends the flow here. */
static const char *decide(Session *session, const FlowWish *wish, const Prepared *prepared,
	bool reads_on, json_t **ret_more, Err *err)
{
	AUTO(json_release_auto) json_t *plan = NULL;

	plan = plan_make(session->site, "upgrade", prepared, steps_for(reads_on));
	put_prediction(session->site, prepared->version, plan);
	plan_put_room(plan, session->site, prepared);
	*ret_more = json_pack("{s:s, s:s, s:O}", "from", prepared->current.version, "to",
		prepared->version, "plan", plan);
	if (wish->plan_only)
		return "planned";
	return session_agree(wish, plan, err) ? NULL : "declined";
}

static bool choose_mode(Session *session, const Prepared *prepared, bool *ret_reads_on, Err *err)
{
	AUTO(err_clear) Err why = {0};

	if (!can_read_on(prepared, session->site, &why, err))
		return false;
	*ret_reads_on = why.kind == ERR_NONE;
	if (!*ret_reads_on) {
		err_wrap(&why, "users cannot read while the data is copied and migrated");
		event_notice_err("dark-copy", false, &why);
	}
	return true;
}

static bool upgrade(Session *session, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(json_release_auto) json_t *more = NULL;
	const char *outcome;
	bool reads_on;

	if (!prepare_target(session->site, wish->version, &prepared, err))
		return session_result(session, NULL, NULL, ret, err);
	if (prepared.same)
		return session_result(session, "nothing-to-do", NULL, ret, err);
	if (!prepare_check(session->site, &prepared, err) ||
		!choose_mode(session, &prepared, &reads_on, err))
		return session_result(session, NULL, NULL, ret, err);
	outcome = decide(session, wish, &prepared, reads_on, &more, err);
	if (outcome)
		return session_result(session, outcome, more, ret, err);
	return run(session, wish, &prepared, reads_on, ret, err);
}

bool flow_upgrade(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};

	if (!session_open(&session, site, "upgrade", false, err))
		return session_result(&session, NULL, NULL, ret, err);
	return upgrade(&session, wish, ret, err);
}
