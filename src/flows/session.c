#include "flows/session.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/signals.h"

#define GATE_MAX (1 << 20)

bool session_open(
	Session *session, Site *site, const char *command, bool unfinished_is_fine, Err *err)
{
	AUTO(free_auto) char *lock = site_path(site, "lock");
	AUTO(free_auto) char *journal = site_path(site, "journal.db");
	Run open = {0};
	bool any;

	*session = (Session){.site = site, .command = command, .began_ms = clock_mono_ms()};
	if (!dir_make(site->state_dir, 0700, err) ||
		!run_lock_take(lock, command, &session->lock, err) ||
		!journal_open(journal, site->name, &session->journal, err) ||
		!journal_unfinished(session->journal, &open, &any, err))
		return false;
	if (!any || unfinished_is_fine) {
		run_clear(&open);
		return true;
	}
	err_fail(err, ERR_PERSON, "run '%s' is unfinished", open.id);
	run_clear(&open);
	return err_hint(err, "belay resume");
}

static void say_run(const Session *session, const char *state, int64_t ms)
{
	const Event event = {
		.kind = EVENT_RUN,
		.id = session->run,
		.state = state,
		.text = session->command,
		.local = session->command,
		.ms = ms,
	};

	event_emit(&event);
}

/* `command`: of the run. That of a session which takes one up again is "resume". */
static bool enter(Session *session, const char *command, Err *err)
{
	if (!run_ctx_open(
		    session->site, session->journal, session->run, command, &session->ctx, err))
		return false;
	say_run(session, "started", -1);
	return true;
}

/* A run that could not even begin its first step is over: there is nothing to resume. */
static void end_unbegun(Session *session)
{
	AUTO(err_clear) Err err = {0};

	if (!journal_run_end(session->journal, session->run, "failed", 1, NULL, &err))
		event_warn_err("journal", &err);
}

/* What was typed for a run counts for its resume too. */
static bool note_agreements(RunCtx *ctx, Err *err)
{
	const Site *site = ctx->site;

	return (!site->disconnect_others || fact_set(ctx, FACT_DISCONNECT_OTHERS, "yes", err)) &&
	       (!site->accept_replication || fact_set(ctx, FACT_ACCEPT_REPLICATION, "yes", err));
}

bool session_begin(Session *session, Err *err)
{
	if (!journal_run_begin(session->journal, session->command, &session->run, err))
		return false;
	if (enter(session, session->command, err) && note_agreements(session->ctx, err))
		return true;
	end_unbegun(session);
	return false;
}

bool session_continue(Session *session, const Run *run, Err *err)
{
	session->run = str_dup(run->id);
	session->resumed = true;
	return enter(session, run->command, err);
}

void session_close(Session *session)
{
	run_ctx_close(session->ctx);
	free(session->run);
	json_decref(session->measured);
	journal_close(session->journal);
	run_lock_release(session->lock);
	*session = (Session){0};
}

bool session_agree(const FlowWish *wish, const json_t *plan, Err *err)
{
	int signal;

	if (!wish->confirm || wish->confirm(wish->arg, plan, err))
		return true;
	signal = signals_pending();
	if (signal && err->kind == ERR_NONE) {
		err_fail(err, ERR_INTERRUPTED, "ended by %s", strsignal(signal));
		err->sys = signal;
	}
	return false;
}

static Engine engine_of(Session *session, const StepDef *const *steps)
{
	return (Engine){
		.journal = session->journal,
		.run = session->run,
		.steps = steps,
		.ctx = session->ctx,
		.on_serves = users_have_now,
		.arg = &session->users,
	};
}

/* A backup takes nothing away from users. */
static bool takes_service(const StepDef *const *steps)
{
	while (*steps && (*steps)->begins == SERVES_AS_BEFORE)
		steps++;
	return *steps != NULL;
}

/* Reading failed while the copy was made with the door shut: dark, though the server ran. */
static int64_t gap_ms(const RunCtx *ctx)
{
	const char *gap = fact_get(ctx, FACT_GAP_MS);

	return gap ? strtoll(gap, NULL, 10) : 0;
}

RunEnd session_run(Session *session, const StepDef *const *steps, Err *ret_cause, Err *err)
{
	Engine engine = engine_of(session, steps);
	RunEnd end;

	users_begin(&session->users, session->ctx, takes_service(steps) && !session->resumed);
	end = engine_forward(&engine, ret_cause, err);
	session->measured = users_end(&session->users);
	session->dark_ms = engine.dark_ms + gap_ms(session->ctx);
	session->read_only_ms = engine.read_only_ms;
	return end;
}

RunEnd session_undo(Session *session, const StepDef *const *steps, Err *err)
{
	Engine engine = engine_of(session, steps);

	users_begin(&session->users, session->ctx, false);
	return engine_back(&engine, err);
}

/* ---- the result ---- */

/* What a person reads at the end; the outcome is the stable word. */
static const struct {
	const char *outcome, *text;
} sentences[] = {
	{"upgraded", N_("upgraded: the new version serves")},
	{"rolled-back", N_("rolled back: what served before serves again")},
	{"backed-up", N_("the backup set is complete and proven")},
	{"rehearsed", N_("rehearsed: the new version can migrate and serve this data")},
	{"verified", N_("proven: restored, compared, and found to be what was backed up")},
	{"pruned", N_("what retention lets go is removed")},
	{"restored", N_("restored: the state of the backup set serves")},
	{"nothing-to-do", N_("nothing to do")},
	{"planned", N_("this is the plan; nothing was changed")},
	{"checked", N_("no check refuses")},
	{"declined", N_("not confirmed; nothing was changed")},
	{"refused", N_("refused; the site was not touched")},
	{"failed", N_("failed; the site was not touched")},
	{"undone", N_("undone: what served before serves again")},
	{"stuck", N_("the run is unfinished: `belay resume` says what it would do")},
};

static const char *sentence(const char *outcome)
{
	for (size_t i = 0; i < COUNT_OF(sentences); i++)
		if (str_is(sentences[i].outcome, outcome))
			return sentences[i].text;
	return outcome;
}

static void put_error(json_t *result, const Err *err)
{
	json_t *error = json_object();

	json_put(error, "kind", err_slug(err->kind));
	json_put(error, "text", err->text);
	json_put(error, "hint", err->hint);
	json_object_set_new(result, "error", error);
}

/* Evidence for the report; a site that cannot be asked any more simply has none. */
static void put_gate(const RunCtx *ctx, json_t *result)
{
	AUTO(free_auto) char *path = run_ctx_log(ctx, "gate.json");
	AUTO(free_auto) char *text = NULL;
	AUTO(err_clear) Err err = {0};
	json_t *gate;
	size_t len;

	if (file_exists(path) && file_read(path, GATE_MAX, &text, &len, &err) &&
		json_parse(text, len, GATE_MAX, &gate, &err))
		json_object_set_new(result, "gate", gate);
}

static void put_database(const RunCtx *ctx, json_t *result)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(err_clear) Err err = {0};
	json_t *database;

	if (!database_about(ctx->db, &about, &err))
		return;
	database = json_object();
	json_put(database, "server", about.server);
	json_put(database, "name", about.name);
	json_object_set_new(result, "database", database);
}

static void put_run(const Session *session, json_t *result)
{
	const RunCtx *ctx = session->ctx;
	json_t *migrations, *rehearsal, *exported;

	if (!ctx)
		return;
	json_put(result, "from", fact_get(ctx, FACT_FROM_VERSION));
	json_put(result, "to", fact_get(ctx, FACT_TO_VERSION));
	json_put(result, "backup", fact_get(ctx, FACT_BACKUP));
	migrations = fact_get_json(ctx, FACT_MIGRATIONS);
	json_object_set_new(result, "migrations", migrations ? migrations : json_array());
	rehearsal = fact_get_json(ctx, FACT_REHEARSAL);
	if (rehearsal)
		json_object_set_new(result, "rehearsal", rehearsal);
	exported = fact_get_json(ctx, FACT_EXPORTED);
	if (exported)
		json_object_set_new(result, "exported", exported);
	put_gate(ctx, result);
	put_database(ctx, result);
}

static void emit_result(const FlowEnd *end, const Err *err)
{
	const char *text = sentence(end->outcome);
	const Event event = {
		.kind = EVENT_RESULT,
		.id = json_str(end->result, "run"),
		.state = end->outcome,
		.text = text,
		.local = _(text),
		.hint = err->hint,
		.hint_local = err->hint_local,
		.ms = json_int(end->result, "total_ms", -1),
		.data = end->result,
	};

	event_emit(&event);
}

static void fill(Session *session, const char *outcome, int status, FlowEnd *ret, const Err *err)
{
	json_t *result = json_object();

	json_put(result, "outcome", outcome);
	json_put(result, "command", session->command);
	json_put(result, "site", session->site ? session->site->name : NULL);
	json_put(result, "run", session->run);
	json_put_int(result, "exit_status", status);
	put_run(session, result);
	json_object_set_new(
		result, "dark_ms", session->resumed ? json_null() : json_integer(session->dark_ms));
	json_object_set_new(result, "read_only_ms",
		session->resumed ? json_null() : json_integer(session->read_only_ms));
	json_object_set(result, "measured", session->measured ? session->measured : json_null());
	json_put_int(result, "total_ms", clock_mono_ms() - session->began_ms);
	if (err->kind != ERR_NONE)
		put_error(result, err);
	*ret = (FlowEnd){.outcome = str_dup(outcome), .exit_status = status, .result = result};
}

static int interrupted_status(const Err *err)
{
	return err->sys == SIGTERM ? 143 : err_exit_status(ERR_INTERRUPTED);
}

static const char *outcome_of(RunEnd end, const char *done, const Err *err)
{
	switch (end) {
	case RUN_DONE:
		return done;
	case RUN_UNTOUCHED:
		return err->kind == ERR_REFUSED       ? "refused"
		       : err->kind == ERR_INTERRUPTED ? "undone"
						      : "failed";
	case RUN_UNDONE:
		return "undone";
	case RUN_STUCK:
		break;
	}
	return "stuck";
}

static int status_of(RunEnd end, const Err *err)
{
	if (end == RUN_DONE)
		return 0;
	if (end == RUN_STUCK)
		return err_exit_status(ERR_PERSON);
	if (err->kind == ERR_INTERRUPTED)
		return interrupted_status(err);
	if (end == RUN_UNDONE)
		return 4;
	return err->kind == ERR_REFUSED ? err_exit_status(ERR_REFUSED) : 1;
}

/* A stuck undo has two reasons; the screen needs both. */
static void join_cause(Err *cause, Err *err)
{
	if (cause->kind != ERR_NONE && err->kind != ERR_NONE)
		event_warn_err("first-cause", cause);
	else if (cause->kind != ERR_NONE)
		err_move(err, cause);
}

bool session_finish(
	Session *session, RunEnd end, const char *done, Err *cause, FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err writing = {0};
	const char *outcome;
	int status;

	join_cause(cause, err);
	outcome = outcome_of(end, done, err);
	status = status_of(end, err);
	if (end == RUN_STUCK && !err->hint)
		err_hint(err, "belay resume");
	if (err->kind == ERR_NO_SPACE && !err->hint)
		err_hint(err, "see which file system is full: df -h");
	fill(session, outcome, status, ret, err);
	if (end != RUN_STUCK && session->run &&
		!journal_run_end(
			session->journal, session->run, outcome, status, ret->result, &writing)) {
		/* What was done stays done; but the run looks unfinished until it can be noted. */
		err_hint(&writing, "belay resume");
		event_warn_err("journal", &writing);
	}
	if (session->run)
		say_run(session, "finished", clock_mono_ms() - session->began_ms);
	emit_result(ret, err);
	return end == RUN_DONE;
}

bool session_result(
	Session *session, const char *outcome, const json_t *more, FlowEnd *ret, Err *err)
{
	bool fine = err->kind == ERR_NONE;
	int status = fine                           ? 0
		     : err->kind == ERR_INTERRUPTED ? interrupted_status(err)
						    : err_exit_status(err->kind);

	if (!fine)
		outcome = err->kind == ERR_REFUSED  ? "refused"
			  : err->kind == ERR_PERSON ? "stuck"
						    : "failed";
	fill(session, outcome, status, ret, err);
	if (more)
		json_object_update(ret->result, (json_t *)more);
	emit_result(ret, err);
	return fine;
}

void flow_end_clear(FlowEnd *end)
{
	free(end->outcome);
	json_decref(end->result);
	*end = (FlowEnd){0};
}
