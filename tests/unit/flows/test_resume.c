/* Which way an unfinished run is taken up, and what is refused while there is one. */
#include "flow_end.h"

static void note(FlowSite *flow, const char *run, const char *step, Phase phase)
{
	AUTO(err_clear) Err err = {0};

	assert_done(journal_note(flow->journal, run, step, phase, 0, &err), &err);
}

static void nothing_is_unfinished(void **state)
{
	const FlowWish wish = {0};

	refuses(*state, flow_resume, &wish, &(Wanted){"nothing-to-do", 0, NULL, NULL});
}

/* The run of a newer belay, or of a command that is gone: nobody knows its steps. */
static void a_command_that_is_not_known(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = run_begun(flow, "teleport");
	const FlowWish wish = {.finish = true};

	refuses(flow, flow_resume, &wish,
		&(Wanted){"stuck", 5, "is of a command that this belay does not know: 'teleport'",
			NULL});
}

static void after_the_gate_there_is_no_undo(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = run_begun(flow, "upgrade");
	const FlowWish wish = {.undo = true};

	note(flow, run, "build-release", PHASE_DONE);
	note(flow, run, "pass-gate", PHASE_DONE);
	refuses(flow, flow_resume, &wish,
		&(Wanted){"refused", 3, "can only be finished", "belay rollback"});
}

static void which_way(void **state)
{
	static const struct {
		const char *promise, *step;
		Phase phase;
		FlowWish wish;
		const char *way;
	} cases[] = {
		{"killed among its facts: nothing of it is there", NULL, PHASE_NONE,
			{.finish = true}, "undo"},
		{"before the exchange undoing is shorter", "copy-database", PHASE_DONE, {0},
			"undo"},
		{"... but a person may want it finished", "copy-database", PHASE_DONE,
			{.finish = true}, "finish"},
		{"in the exchange nobody knows yet", "swap-database", PHASE_INTENT, {0}, "undo"},
		{"after it finishing is shorter", "swap-database", PHASE_DONE, {0}, "finish"},
		{"... but a person may want it undone", "swap-database", PHASE_DONE, {.undo = true},
			"undo"},
		{"an exchange that was taken back", "swap-database", PHASE_UNDONE, {0}, "undo"},
		{"after the gate", "pass-gate", PHASE_DONE, {0}, "finish"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FlowSite *flow = *state;
		AUTO(free_auto) char *run = run_begun(flow, "upgrade");
		AUTO(flow_end_clear) FlowEnd end = {0};
		FlowWish wish = cases[i].wish;

		print_message("# %s\n", cases[i].promise);
		wish.plan_only = true;
		if (cases[i].step)
			note(flow, run, cases[i].step, cases[i].phase);
		ends(flow, flow_resume, &wish, &(Wanted){"planned", 0, NULL, NULL}, &end);
		assert_string_equal(
			json_str(json_object_get(end.result, "plan"), "way"), cases[i].way);
		assert_string_equal(json_str(json_object_get(end.result, "plan"), "run"), run);
		run_ended(flow, run, "undone");
	}
}

static void a_no_leaves_it_unfinished(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = run_begun(flow, "upgrade");
	const FlowWish wish = {.confirm = says_no};

	note(flow, run, "copy-database", PHASE_INTENT);
	refuses(flow, flow_resume, &wish, &(Wanted){"declined", 0, NULL, NULL});
	refuses(flow, flow_backup, &wish, &(Wanted){"stuck", 5, run, "belay resume"});
}

/* Whatever begins a run or takes something away waits for the unfinished one. */
static void nothing_else_begins(void **state)
{
	static Flow *const calls[] = {
		flow_backup, flow_prune, flow_rehearse, flow_restore, flow_rollback, flow_upgrade};
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = run_begun(flow, "upgrade");
	const FlowWish wish = {.version = "0.8.0", .set = "none", .accept_loss = true};

	for (size_t i = 0; i < COUNT_OF(calls); i++)
		refuses(flow, calls[i], &wish, &(Wanted){"stuck", 5, run, "belay resume"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(nothing_is_unfinished),
		FLOW_TEST(a_command_that_is_not_known),
		FLOW_TEST(after_the_gate_there_is_no_undo),
		FLOW_TEST(which_way),
		FLOW_TEST(a_no_leaves_it_unfinished),
		FLOW_TEST(nothing_else_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
