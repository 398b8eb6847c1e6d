/* How a run ends: outcome, exit status (docs/exit-status.md), what the screen hears, and what the
 * journal keeps. */
#include <signal.h>
#include <stdlib.h>

#include "base/event.h"
#include "flow_end.h"
#include "flows/session.h"

typedef struct Heard {
	char notices[2000];
} Heard;

static void on_event(void *self, const Event *event)
{
	Heard *heard = self;
	const size_t len = strlen(heard->notices);

	if (event->kind == EVENT_NOTICE)
		snprintf(heard->notices + len, sizeof heard->notices - len, "%s: %s (%s)\n",
			event->id, event->text, event->hint ? event->hint : "");
}

static void open_session(FlowSite *flow, Session *session)
{
	AUTO(err_clear) Err err = {0};

	assert_done(session_open(session, flow->site, "upgrade", false, &err), &err);
	assert_done(session_begin(session, &err), &err);
}

static void outcome_and_status(void **state)
{
	static const struct {
		RunEnd end;
		ErrKind kind;
		int signal;
		const char *outcome;
		int status;
	} cases[] = {
		{RUN_DONE, ERR_NONE, 0, "upgraded", 0},
		{RUN_UNTOUCHED, ERR_REFUSED, 0, "refused", 3},
		{RUN_UNTOUCHED, ERR_IO, 0, "failed", 1},
		{RUN_UNTOUCHED, ERR_USAGE, 0, "failed", 1},
		{RUN_UNTOUCHED, ERR_INTERRUPTED, SIGINT, "undone", 130},
		{RUN_UNDONE, ERR_EXEC, 0, "undone", 4},
		{RUN_UNDONE, ERR_REFUSED, 0, "undone", 4},
		{RUN_UNDONE, ERR_INTERRUPTED, SIGTERM, "undone", 143},
		{RUN_UNDONE, ERR_INTERRUPTED, SIGINT, "undone", 130},
		{RUN_STUCK, ERR_FOREIGN, 0, "stuck", 5},
		{RUN_STUCK, ERR_INTERRUPTED, SIGINT, "stuck", 5},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FlowSite *flow = *state;
		AUTO(session_close) Session session = {0};
		AUTO(flow_end_clear) FlowEnd end = {0};
		AUTO(run_clear) Run run = {0};
		AUTO(err_clear) Err cause = {0};
		AUTO(err_clear) Err err = {0};

		open_session(flow, &session);
		if (cases[i].kind != ERR_NONE)
			err_fail(&err, cases[i].kind, "case %zu", i);
		err.sys = cases[i].signal;
		assert_int_equal(
			session_finish(&session, cases[i].end, "upgraded", &cause, &end, &err),
			cases[i].end == RUN_DONE);
		assert_string_equal(end.outcome, cases[i].outcome);
		assert_int_equal(end.exit_status, cases[i].status);
		assert_done(journal_run(flow->journal, session.run, &run, &flow->err), &flow->err);
		/* A run that is stuck stays open: for resume. */
		if (cases[i].end == RUN_STUCK) {
			assert_null(run.outcome);
			assert_part(err.hint, "belay resume");
			run_ended(flow, run.id, "undone");
		} else {
			assert_string_equal(run.outcome, cases[i].outcome);
			assert_int_equal(run.exit_status, cases[i].status);
		}
	}
}

/* Why the undo failed is the error; what went wrong first is told too. */
static void both_reasons_are_told(void **state)
{
	AUTO(session_close) Session session = {0};
	AUTO(flow_end_clear) FlowEnd end = {0};
	AUTO(err_clear) Err cause = {0};
	AUTO(err_clear) Err err = {0};
	Heard heard = {0};

	open_session(*state, &session);
	err_fail(&cause, ERR_NO_SPACE, "the disk is full");
	err_fail(&err, ERR_FOREIGN, "somebody changed the link");
	event_listen((EventListener){.on_event = on_event, .self = &heard});
	assert_false(session_finish(&session, RUN_STUCK, "upgraded", &cause, &end, &err));
	event_unlisten(&heard);
	assert_part(heard.notices, "first-cause: the disk is full");
	assert_part(err.text, "somebody changed the link");
}

static void the_only_reason_is_the_error(void **state)
{
	AUTO(session_close) Session session = {0};
	AUTO(flow_end_clear) FlowEnd end = {0};
	AUTO(err_clear) Err cause = {0};
	AUTO(err_clear) Err err = {0};

	open_session(*state, &session);
	err_fail(&cause, ERR_NO_SPACE, "the disk is full");
	assert_false(session_finish(&session, RUN_UNDONE, "upgraded", &cause, &end, &err));
	assert_part(err.text, "the disk is full");
	assert_part(err.hint, "df -h");
	assert_int_equal(end.exit_status, 4);
}

/* What was done stays done; that the journal has the run open is said, with what to type. */
static void an_end_that_cannot_be_written_down(void **state)
{
	FlowSite *flow = *state;
	AUTO(session_close) Session session = {0};
	AUTO(flow_end_clear) FlowEnd end = {0};
	AUTO(run_clear) Run open = {0};
	AUTO(err_clear) Err cause = {0};
	AUTO(err_clear) Err err = {0};
	Heard heard = {0};
	bool any;

	open_session(flow, &session);
	event_listen((EventListener){.on_event = on_event, .self = &heard});
	setenv("BELAY_FAULT", "full@sql-run", 1);
	assert_true(session_finish(&session, RUN_DONE, "upgraded", &cause, &end, &err));
	unsetenv("BELAY_FAULT");
	event_unlisten(&heard);
	assert_int_equal(end.exit_status, 0);
	assert_part(heard.notices, "journal: ");
	assert_part(heard.notices, "(belay resume)");
	assert_done(journal_unfinished(flow->journal, &open, &any, &flow->err), &flow->err);
	assert_true(any);
}

/* A run whose folder cannot be made has begun nothing: the next command finds no unfinished run. */
static void a_run_that_could_not_begin_is_over(void **state)
{
	FlowSite *flow = *state;
	AUTO(session_close) Session session = {0};
	AUTO(run_clear) Run open = {0};
	AUTO(err_clear) Err err = {0};
	bool any;

	put(flow->fixture, "state/runs", "a file where the folder should be", 0600);
	assert_done(session_open(&session, flow->site, "upgrade", false, &err), &err);
	assert_false(session_begin(&session, &err));
	assert_done(journal_unfinished(flow->journal, &open, &any, &flow->err), &flow->err);
	assert_false(any);
}

/* Two runs on one site: who holds it is said at once. */
static void the_site_is_held(void **state)
{
	FlowSite *flow = *state;
	AUTO(session_close) Session session = {0};
	const FlowWish wish = {0};

	assert_done(session_open(&session, flow->site, "upgrade", false, &flow->err), &flow->err);
	refuses(flow, flow_backup, &wish, &(Wanted){"failed", 6, "upgrade", NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(outcome_and_status),
		FLOW_TEST(both_reasons_are_told),
		FLOW_TEST(the_only_reason_is_the_error),
		FLOW_TEST(an_end_that_cannot_be_written_down),
		FLOW_TEST(a_run_that_could_not_begin_is_over),
		FLOW_TEST(the_site_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
