/* rehearse: build, back up, and try the target on the copy; the site serves on, untouched. */
#include "base/text.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "steps/steps.h"

const StepDef *const rehearse_steps[] = {
	&step_build_release,
	&step_make_backup,
	&step_prove_backup,
	&step_rehearse,
	NULL,
};

static bool set_facts(Session *session, const Prepared *prepared, Err *err)
{
	return set_common_facts(session->ctx, prepared, err) &&
	       fact_set(session->ctx, FACT_TO_VERSION, prepared->version, err) &&
	       fact_set(session->ctx, FACT_REVISION_AFTER, prepared->migrations.head, err);
}

bool flow_rehearse(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_open(&session, site, "rehearse", false, err) ||
		!prepare_target(site, wish->version, &prepared, err))
		return session_result(&session, NULL, NULL, ret, err);
	if (prepared.same)
		return session_result(&session, "nothing-to-do", NULL, ret, err);
	prepared.only_rehearses = true;
	if (!prepare_check(site, &prepared, err) || !session_begin(&session, err))
		return session_result(&session, NULL, NULL, ret, err);
	if (set_facts(&session, &prepared, err))
		end = session_run(&session, rehearse_steps, &cause, err);
	return session_finish(&session, end, "rehearsed", &cause, ret, err);
}
