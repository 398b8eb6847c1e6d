/* The way back: the two databases, the two vector stores and the two releases that an upgrade left
 * change places again. A rollback can be rolled back the same way. */
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "os/file.h"
#include "steps/steps.h"

const StepDef *const rollback_steps[] = {
	&step_mark_spare,
	&step_prewarm_service,
	/* ---- dark from here ---- */
	&step_stop_service,
	&step_block_start,
	&step_export_written,
	&step_swap_database,
	&step_swap_vectors,
	&step_switch_release,
	&step_open_database,
	&step_start_service,
	&step_pass_gate,
	/* ---- what served before serves again ---- */
	&step_remove_stub,
	NULL,
};

#define FACT_MAX (64 * 1024 * 1024)

typedef struct Written {
	json_t *by_users; /* {"table": figures}; null: cannot tell */
	json_t *own;      /* likewise, by the release's own first start */
} Written;

static void written_clear(Written *written)
{
	json_decref(written->by_users);
	json_decref(written->own);
}

static const char *const swapping[] = {"upgraded", "rolled-back", "restored"};

/* The newest run that swapped something: only its way back fits what is live. */
static bool newest_swap(Journal *journal, Run *ret, bool *ret_any, Err *err)
{
	*ret_any = false;
	for (size_t i = 0; i < COUNT_OF(swapping); i++) {
		Run run = {0};
		bool any;

		if (!journal_last(journal, swapping[i], &run, &any, err))
			return false;
		if (!any || (*ret_any && run.began_ms < ret->began_ms)) {
			run_clear(&run);
			continue;
		}
		run_clear(ret);
		*ret = run;
		*ret_any = true;
	}
	return true;
}

static bool choose(Journal *journal, const char *wanted, Run *ret, Err *err)
{
	bool any;

	if (!newest_swap(journal, ret, &any, err))
		return false;
	if (!any) {
		err_fail(err, ERR_REFUSED, "there is no upgrade to roll back");
		return err_hint(err, "belay backups shows what can be restored");
	}
	if (!wanted || str_is(wanted, ret->id))
		return true;
	err_fail(err, ERR_REFUSED, "only the last upgrade or rollback can be rolled back, '%s'",
		ret->id);
	return err_hint(err, "belay backups, then belay restore SET");
}

/* Facts of the other run, seen from the way back: what it went to is what we come from. */
static const struct {
	Fact ours, theirs;
} mirrored[] = {
	{FACT_FROM_VERSION, FACT_TO_VERSION},
	{FACT_FROM_HOME, FACT_TO_HOME},
	{FACT_TO_VERSION, FACT_FROM_VERSION},
	{FACT_TO_HOME, FACT_FROM_HOME},
	{FACT_REVISION_BEFORE, FACT_REVISION_AFTER},
	{FACT_REVISION_AFTER, FACT_REVISION_BEFORE},
	{FACT_SERVER_ID, FACT_SERVER_ID},
	{FACT_LIVE_ID, FACT_SPARE_ID},
	{FACT_SPARE_ID, FACT_LIVE_ID},
	{FACT_SPARE, FACT_SPARE},
	{FACT_VECTOR_LIVE, FACT_VECTOR_LIVE},
	{FACT_VECTOR_SPARE, FACT_VECTOR_SPARE},
	{FACT_VECTOR_LIVE_ID, FACT_VECTOR_SPARE_ID},
	{FACT_VECTOR_SPARE_ID, FACT_VECTOR_LIVE_ID},
	{FACT_KEY_SHA256, FACT_KEY_SHA256},
	{FACT_HAD_USERS, FACT_HAD_USERS},
};

static bool mirror_facts(RunCtx *ctx, const Run *of, Err *err)
{
	for (size_t i = 0; i < COUNT_OF(mirrored); i++) {
		AUTO(free_auto) char *value = NULL;

		if (!journal_fact(
			    ctx->journal, of->id, fact_name(mirrored[i].theirs), &value, err) ||
			(value && !fact_set(ctx, mirrored[i].ours, value, err)))
			return false;
	}
	return fact_set(ctx, FACT_UNDOES, of->id, err);
}

/* Is everything still there that the way back needs, and is what serves what that run left? */
static bool check_way_back(Session *session, const Prepared *prepared, const Run *of, Err *err)
{
	AUTO(free_auto) char *to = NULL;
	AUTO(free_auto) char *home = NULL;
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *old_id = NULL;
	AUTO(free_auto) char *there = NULL;
	AUTO(release_clear) Release old = {0};

	if (!journal_fact(session->journal, of->id, fact_name(FACT_TO_VERSION), &to, err) ||
		!journal_fact(session->journal, of->id, fact_name(FACT_FROM_HOME), &home, err) ||
		!journal_fact(session->journal, of->id, fact_name(FACT_SPARE), &spare, err) ||
		!journal_fact(session->journal, of->id, fact_name(FACT_LIVE_ID), &old_id, err))
		return false;
	if (!to || !home || !spare || !old_id)
		return err_fail(err, ERR_REFUSED, "run '%s' left no way back", of->id);
	if (!str_is(to, prepared->current.version))
		return err_fail(err, ERR_REFUSED, "run '%s' went to %s, but %s is installed now",
			of->id, to, prepared->current.version);
	if (!database_id(prepared->db, spare, &there, err))
		return false;
	if (!str_is(there, old_id))
		return err_fail(
			err, ERR_REFUSED, "the old database '%s' is not there any more", spare);
	return release_at_home(session->site, home, &old, err) ||
	       err_wrap(err, "looking at the old release");
}

static bool need_way_back(Session *session, const Prepared *prepared, const Run *of, Err *err)
{
	if (check_way_back(session, prepared, of, err))
		return true;
	/* What was not found; a server that does not answer may have it all. */
	if (err->kind == ERR_REFUSED || err->kind == ERR_VERIFY)
		err_hint(err, "belay backups, then belay restore SET");
	return false;
}

/* What the release itself writes when it first starts, as its rehearsal saw it: those rows are
 * listed apart, and nobody is asked about them. */
static void set_apart(json_t *written, json_t *own, const json_t *boot_rows)
{
	const char *table;
	json_t *grown;

	json_object_foreach((json_t *)boot_rows, table, grown)
	{
		const int64_t newer = json_int(json_object_get(written, table), "newer", -1);
		const int64_t by_boot = json_int(grown, "after", 0) - json_int(grown, "before", 0);

		if (newer < 0 || newer > by_boot)
			continue;
		json_object_set(own, table, json_object_get(written, table));
		json_object_del(written, table);
	}
}

static bool fact_of(Session *session, const Run *of, Fact fact, json_t **ret, Err *err)
{
	AUTO(free_auto) char *text = NULL;

	*ret = NULL;
	if (!journal_fact(session->journal, of->id, fact_name(fact), &text, err))
		return false;
	return !text || json_parse(text, strlen(text), FACT_MAX, ret, err);
}

/* What users wrote since would not be in the database that serves afterwards. */
static bool count_written(
	Session *session, const Prepared *prepared, const Run *of, Written *ret, Err *err)
{
	AUTO(json_release_auto) json_t *marks = NULL;
	AUTO(json_release_auto) json_t *rehearsal = NULL;

	ret->own = json_object();
	if (!fact_of(session, of, FACT_MARKS, &marks, err) ||
		!fact_of(session, of, FACT_REHEARSAL, &rehearsal, err))
		return false;
	if (!marks) {
		ret->by_users = json_null(); /* cannot tell */
		return true;
	}
	if (!database_written_since(
		    prepared->db, database_live(prepared->db), marks, &ret->by_users, err))
		return false;
	set_apart(ret->by_users, ret->own, json_object_get(rehearsal, "boot_rows"));
	return true;
}

/* "chat (3), user": how many is not known of each. */
static char *describe_written(json_t *written)
{
	Text text = TEXT_INIT(2000);
	const char *table;
	json_t *figures;

	json_object_foreach(written, table, figures)
	{
		int64_t newer = json_int(figures, "newer", -1);

		text_addf(&text, "%s%s", text.len ? ", " : "", table);
		if (newer >= 0)
			text_addf(&text, " (%lld)", (long long)newer);
	}
	return text_take(&text);
}

static bool refuse_loss(json_t *written, Err *err)
{
	AUTO(free_auto) char *tables = json_is_object(written) ? describe_written(written) : NULL;

	if (tables)
		err_fail(err, ERR_REFUSED,
			"rows were written since the last switch and would stay only in the "
			"database that serves now (%s)",
			tables);
	else
		err_fail(err, ERR_REFUSED,
			"it cannot be told what was written since; it would stay only in the database "
			"that serves now");
	return err_hint(err,
		"belay rollback --accept-loss: the database that serves now is kept, nothing is "
		"deleted");
}

static bool agree(Session *session, const FlowWish *wish, const Prepared *prepared,
	const Written *written, json_t **ret_more, const char **ret_outcome, Err *err)
{
	AUTO(json_release_auto)
	json_t *plan = plan_make(session->site, "rollback", prepared, rollback_steps);
	bool nothing = json_is_object(written->by_users) &&
		       json_object_size(written->by_users) == 0;

	*ret_outcome = NULL;
	json_object_set(plan, "written_since", written->by_users);
	json_object_set(plan, "written_by_start", written->own);
	*ret_more = json_pack("{s:s, s:s, s:O}", "from", prepared->current.version, "to",
		prepared->version, "plan", plan);
	if (wish->plan_only) {
		*ret_outcome = "planned";
		return true;
	}
	if (wish->confirm) {
		if (!session_agree(wish, plan, err))
			*ret_outcome = "declined";
		return err->kind == ERR_NONE;
	}
	if (nothing || wish->accept_loss)
		return true;
	return refuse_loss(written->by_users, err);
}

static bool run_rollback(
	Session *session, const FlowWish *wish, const Run *of, FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_begin(session, err))
		return session_result(session, NULL, NULL, ret, err);
	if (mirror_facts(session->ctx, of, err) &&
		(!wish->accept_loss || fact_set(session->ctx, FACT_ACCEPT_LOSS, "yes", err)))
		end = session_run(session, rollback_steps, &cause, err);
	return session_finish(session, end, "rolled-back", &cause, ret, err);
}

static bool rollback(Session *session, const FlowWish *wish, const Run *of, FlowEnd *ret, Err *err)
{
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(written_clear) Written written = {0};
	AUTO(json_release_auto) json_t *more = NULL;
	const char *outcome = NULL;

	if (!prepare_site(session->site, &prepared, err) ||
		!prepare_alone(session->site, &prepared, err) ||
		!need_way_back(session, &prepared, of, err) ||
		!journal_fact(session->journal, of->id, fact_name(FACT_FROM_VERSION),
			&prepared.version, err) ||
		!count_written(session, &prepared, of, &written, err) ||
		!agree(session, wish, &prepared, &written, &more, &outcome, err))
		return session_result(session, NULL, more, ret, err);
	if (outcome)
		return session_result(session, outcome, more, ret, err);
	return run_rollback(session, wish, of, ret, err);
}

bool flow_rollback(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};
	AUTO(run_clear) Run of = {0};

	if (!session_open(&session, site, "rollback", false, err) ||
		!choose(session.journal, wish->run, &of, err))
		return session_result(&session, NULL, NULL, ret, err);
	return rollback(&session, wish, &of, ret, err);
}
