/* backup and restore. */
#include "backup/backup.h"
#include "base/mem.h"
#include "base/text.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "steps/steps.h"

const StepDef *const backup_steps[] = {
	&step_make_backup,
	&step_prove_backup,
	NULL,
};

const StepDef *const restore_steps[] = {
	/* users work */
	&step_own_environment,
	&step_build_release,
	&step_restore_database,
	&step_mark_spare,
	/* ---- dark from here ---- */
	&step_stop_service,
	&step_block_start,
	&step_move_data,
	&step_restore_files,
	&step_swap_database,
	&step_swap_vectors,
	&step_switch_release,
	&step_open_database,
	&step_start_service,
	&step_pass_gate,
	/* ---- the state of the set serves ---- */
	&step_remove_stub,
	NULL,
};

bool flow_backup(Site *site, const FlowWish *wish UNUSED, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_open(&session, site, "backup", false, err) ||
		!prepare_site(site, &prepared, err) || !session_begin(&session, err))
		return session_result(&session, NULL, NULL, ret, err);
	if (set_common_facts(session.ctx, &prepared, err))
		end = session_run(&session, backup_steps, &cause, err);
	return session_finish(&session, end, "backed-up", &cause, ret, err);
}

static bool set_facts(Session *session, const Prepared *prepared, const BackupSet *set, Err *err)
{
	RunCtx *ctx = session->ctx;

	if (!set_common_facts(ctx, prepared, err) || !fact_set(ctx, FACT_BACKUP, set->name, err) ||
		!fact_set(ctx, FACT_TO_VERSION, set->version, err) ||
		!fact_set(ctx, FACT_REVISION_AFTER, set->revision, err))
		return false;
	/* The same version serves on: nothing is built, ENV comes back to where it points now. */
	return !str_is(set->version, prepared->current.version) ||
	       fact_set(ctx, FACT_TO_HOME, fact_get(ctx, FACT_FROM_HOME), err);
}

static bool find_set(const Site *site, const FlowWish *wish, BackupSet *ret, Err *err)
{
	if (!backup_find(site, wish->set, ret, err))
		return false;
	if (!ret->manifest || !ret->version || !ret->revision) {
		err_fail(err, ERR_REFUSED,
			"'%s' is not a backup set of belay: a dump alone has no version, "
			"files or key",
			ret->name);
		return err_hint(err, "pg_restore it by hand into a new database");
	}
	return backup_check_files(ret, err) || err_wrap(err, "checking backup set '%s'", ret->name);
}

static bool restore(Session *session, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(json_release_auto) json_t *plan = NULL;
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!find_set(session->site, wish, &set, err) ||
		!prepare_site(session->site, &prepared, err) ||
		!prepare_alone(session->site, &prepared, err))
		return session_result(session, NULL, NULL, ret, err);
	prepared.version = str_dup(set.version);
	plan = plan_make(session->site, "restore", &prepared, restore_steps);
	json_put(plan, "set", set.name);
	if (wish->plan_only)
		return session_result(session, "planned", plan, ret, err);
	if (!session_agree(wish, plan, err))
		return session_result(session, "declined", NULL, ret, err);
	if (!session_begin(session, err))
		return session_result(session, NULL, NULL, ret, err);
	if (set_facts(session, &prepared, &set, err))
		end = session_run(session, restore_steps, &cause, err);
	return session_finish(session, end, "restored", &cause, ret, err);
}

bool flow_restore(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};

	if (!session_open(&session, site, "restore", false, err))
		return session_result(&session, NULL, NULL, ret, err);
	return restore(&session, wish, ret, err);
}
