/* resume: finish or undo the run that a crash or power loss left unfinished. */
#include "base/event.h"
#include "base/text.h"
#include "database/obstacles.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "flows/sweep.h"
#include "os/file.h"
#include "release/container_link.h"
#include "steps/steps.h"

static const struct {
	const char *command, *done;
	const StepDef *const *steps;
} resumable[] = {
	{"upgrade", "upgraded", upgrade_steps},
	{"rollback", "rolled-back", rollback_steps},
	{"backup", "backed-up", backup_steps},
	{"rehearse", "rehearsed", rehearse_steps},
	{"restore", "restored", restore_steps},
	{"restore-empty", "restored", restore_empty_steps},
};

const char *flow_step_title(const char *id)
{
	for (size_t i = 0; i < COUNT_OF(resumable); i++) {
		for (const StepDef *const *step = resumable[i].steps; *step; step++) {
			if (str_is((*step)->id, id))
				return (*step)->title;
		}
	}
	/* The only one that stands in the other list of an upgrade alone. */
	return str_is(step_freeze_database.id, id) ? step_freeze_database.title : id;
}

static int find(const char *command)
{
	for (size_t i = 0; i < COUNT_OF(resumable); i++)
		if (str_is(resumable[i].command, command))
			return (int)i;
	return -1;
}

/* An upgrade has two lists; the journal says which one this run took. */
static const StepDef *const *steps_of(Session *session, int row)
{
	if (resumable[row].steps == upgrade_steps && run_ctx_reads_on(session->ctx))
		return upgrade_reading_steps;
	return resumable[row].steps;
}

typedef enum { WAY_FINISH, WAY_UNDO } Way;

/* Its facts are written before its first step: a run that was killed among them cannot be finished,
 * and nothing of it is there. */
static bool has_begun(Session *session, const StepDef *const *steps, bool *ret, Err *err)
{
	*ret = false;
	for (size_t i = 0; steps[i] && !*ret; i++) {
		Phase phase;

		if (!journal_phase(session->journal, session->run, steps[i]->id, &phase, err))
			return false;
		*ret = phase != PHASE_NONE;
	}
	return true;
}

/* Before the databases changed places, undoing is the shorter way; afterwards finishing is: it ends
 * at the gate, whose no undoes everything anyway. After the gate's yes there is only one way. */
static bool choose_way(Session *session, int row, const FlowWish *wish, Way *ret, Err *err)
{
	Engine engine = {
		.journal = session->journal,
		.run = session->run,
		.steps = steps_of(session, row),
	};
	Phase swap;
	bool committed, begun;

	if (!engine_committed(&engine, &committed, err) ||
		!has_begun(session, engine.steps, &begun, err) ||
		!journal_phase(session->journal, session->run, step_swap_database.id, &swap, err))
		return false;
	if (committed && wish->undo) {
		err_fail(err, ERR_REFUSED, "run '%s' has passed the gate: it can only be finished",
			session->run);
		return err_hint(err, "belay resume --finish, then belay rollback");
	}
	if (wish->undo || !begun)
		*ret = WAY_UNDO;
	else if (wish->finish || committed)
		*ret = WAY_FINISH;
	else
		*ret = swap == PHASE_DONE ? WAY_FINISH : WAY_UNDO;
	return true;
}

static json_t *make_plan(Session *session, int row, Way way)
{
	json_t *plan = json_object();

	json_put(plan, "command", "resume");
	json_put(plan, "run", session->run);
	json_put(plan, "way", way == WAY_FINISH ? "finish" : "undo");
	json_put(plan, "of", resumable[row].command);
	json_put(plan, "from", fact_get(session->ctx, FACT_FROM_VERSION));
	json_put(plan, "to", fact_get(session->ctx, FACT_TO_VERSION));
	return plan;
}

/* What no step of any run could find again: a crash of the server while it copied. */
static void tell_orphans(const Site *site)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(err_clear) Err found = {0};
	AUTO(err_clear) Err ignored = {0};

	if (database_open(site, &db, &ignored) && database_orphans(db, &found, &ignored) &&
		found.kind != ERR_NONE)
		event_notice_err("server-leftover", true, &found);
}

/* Only after a run is over: what it could still need is no leftover. A site that an undo took away
 * has none. */
static void tidy_up(const Session *session, bool over)
{
	const Site *site = session->site;
	AUTO(err_clear) Err err = {0};

	/* A database server that is away is asked again by the next run. */
	if (over && file_exists(site->file) && !sweep_scratch(site, session->journal, &err) &&
		err.kind != ERR_DATABASE)
		event_warn_err("leftover", &err);
	tell_orphans(site);
}

static bool go(Session *session, int row, Way way, FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err cause = {0};
	RunEnd end;

	if (way == WAY_FINISH) {
		end = session_run(session, steps_of(session, row), &cause, err);
		tidy_up(session, end == RUN_DONE || end == RUN_UNDONE);
		return session_finish(session, end, resumable[row].done, &cause, ret, err);
	}
	/* An undo that was asked for and went well is a success. */
	end = session_undo(session, steps_of(session, row), err);
	tidy_up(session, end == RUN_UNDONE);
	return session_finish(
		session, end == RUN_UNDONE ? RUN_DONE : end, "undone", &cause, ret, err);
}

static bool resume(Session *session, const Run *open, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(json_release_auto) json_t *plan = NULL;
	AUTO(json_release_auto) json_t *more = NULL;
	int row = find(open->command);
	Way way = WAY_UNDO;

	if (row < 0)
		err_fail(err, ERR_PERSON,
			"run '%s' is of a command that this belay does not know: '%s'", open->id,
			open->command);
	if (row < 0 || !container_link_has_ground(session->site, err) ||
		!session_continue(session, open, err) || !choose_way(session, row, wish, &way, err))
		return session_result(session, NULL, NULL, ret, err);
	plan = make_plan(session, row, way);
	more = json_pack("{s:O}", "plan", plan);
	if (wish->plan_only)
		return session_result(session, "planned", more, ret, err);
	if (!session_agree(wish, plan, err))
		return session_result(session, "declined", more, ret, err);
	return go(session, row, way, ret, err);
}

bool flow_resume(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};
	AUTO(run_clear) Run open = {0};
	bool any;

	if (!session_open(&session, site, "resume", true, err) ||
		!journal_unfinished(session.journal, &open, &any, err))
		return session_result(&session, NULL, NULL, ret, err);
	if (!any) {
		event_notice("no-run", false, "no run is unfinished");
		tidy_up(&session, true);
		return session_result(&session, "nothing-to-do", NULL, ret, err);
	}
	return resume(&session, &open, wish, ret, err);
}
