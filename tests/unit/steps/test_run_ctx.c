/* A resumed run stands where the first one stood: facts, what was typed, and the two releases. */
#include "step_run.h"

static void facts_outlive_the_process(void **state)
{
	StepRun *run = *state;
	AUTO(run_ctx_close_auto) RunCtx *again = NULL;
	AUTO(json_release_auto) json_t *counts = NULL;
	AUTO(err_clear) Err err = {0};

	know(run, FACT_TO_VERSION, "0.8.0");
	know(run, FACT_COUNTS, "{\"chat\":3}");
	again = ctx_of(run->flow, run->ctx->run);
	assert_string_equal(fact_get(again, FACT_TO_VERSION), "0.8.0");
	counts = fact_get_json(again, FACT_COUNTS);
	assert_int_equal(json_int(counts, "chat", -1), 3);
	assert_null(fact_get(again, FACT_SPARE));
	assert_false(fact_is_yes(again, FACT_SPARE_MADE));
}

static void what_was_typed_counts_for_the_resume(void **state)
{
	StepRun *run = *state;
	AUTO(run_ctx_close_auto) RunCtx *again = NULL;

	assert_false(run->flow->site->disconnect_others);
	assert_false(run->flow->site->accept_replication);
	know(run, FACT_DISCONNECT_OTHERS, "yes");
	know(run, FACT_ACCEPT_REPLICATION, "no");
	again = ctx_of(run->flow, run->ctx->run);
	assert_true(again->site->disconnect_others);
	assert_false(again->site->accept_replication);
}

/* A defect of belay, or the journal of a run that broke: nothing is done without it. */
static void a_fact_that_is_missing_is_named(void **state)
{
	StepRun *run = *state;
	AUTO(release_clear) Release to = {0};
	AUTO(err_clear) Err err = {0};

	assert_error(run_ctx_to(run->ctx, &to, &err), &err, ERR_INTERNAL);
	assert_part(err.text, "the journal has no 'to.home' for run");
	assert_part(err.text, run->ctx->run);
}

static void what_is_no_json_is_not_known(void **state)
{
	StepRun *run = *state;

	know(run, FACT_REHEARSAL, "{\"predicted\":");
	assert_null(fact_get_json(run->ctx, FACT_REHEARSAL));
	assert_true(run_ctx_rehearses(run->ctx));
	know(run, FACT_REHEARSAL, "{\"skipped\":true}");
	assert_false(run_ctx_rehearses(run->ctx));
}

static void where_the_old_release_lies(void **state)
{
	StepRun *run = *state;
	AUTO(release_clear) Release before = {0};
	AUTO(release_clear) Release after = {0};
	AUTO(err_clear) Err err = {0};

	/* ENV itself, until it was folded. */
	know(run, FACT_FROM_HOME, "/not/yet");
	assert_done(run_ctx_from(run->ctx, &before, &err), &err);
	assert_string_equal(before.version, "0.7.2");
	know(run, FACT_FROM_HOME, run->flow->old_home);
	assert_done(run_ctx_from(run->ctx, &after, &err), &err);
	assert_string_equal(after.version, "0.7.1");
}

/* `pip install` into the environment while the run prepares. */
static void another_tool_upgraded_it_meanwhile(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};

	assert_done(run_ctx_from_is_intact(run->ctx, &err), &err);
	know(run, FACT_FROM_VERSION, "0.7.2");
	assert_done(run_ctx_from_is_intact(run->ctx, &err), &err);
	know(run, FACT_FROM_VERSION, "0.7.1");
	assert_error(run_ctx_from_is_intact(run->ctx, &err), &err, ERR_REFUSED);
	assert_part(err.text, "holds version 0.7.2 now and held 0.7.1 when the run began");
	assert_part(err.hint, "install open-webui==0.7.1 there again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(facts_outlive_the_process),
		STEP_TEST(what_was_typed_counts_for_the_resume),
		STEP_TEST(a_fact_that_is_missing_is_named),
		STEP_TEST(what_is_no_json_is_not_known),
		STEP_TEST(where_the_old_release_lies),
		STEP_TEST(another_tool_upgraded_it_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
