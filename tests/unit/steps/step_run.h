/* step_run.h - a run of an upgrade on the site of flow_site.h, for the tests of its steps. */
#pragma once
#include "flow_site.h"
#include "steps/steps.h"

typedef struct StepRun {
	FlowSite *flow;
	RunCtx *ctx;
} StepRun;

UNUSED static RunCtx *ctx_of(FlowSite *flow, const char *run)
{
	AUTO(err_clear) Err err = {0};
	RunCtx *ctx = NULL;

	assert_done(run_ctx_open(flow->site, flow->journal, run, "upgrade", &ctx, &err), &err);
	return ctx;
}

UNUSED static int step_setup(void **state)
{
	StepRun *run = NEW(StepRun);
	void *flow = NULL;
	AUTO(free_auto) char *id = NULL;

	assert_int_equal(flow_setup(&flow), 0);
	run->flow = flow;
	id = run_begun(run->flow, "upgrade");
	run->ctx = ctx_of(run->flow, id);
	*state = run;
	return 0;
}

UNUSED static int step_teardown(void **state)
{
	StepRun *run = *state;
	void *flow = run->flow;

	run_ctx_close(run->ctx);
	free(run);
	return flow_teardown(&flow);
}

#define STEP_TEST(function) cmocka_unit_test_setup_teardown(function, step_setup, step_teardown)

UNUSED static void know(StepRun *run, Fact fact, const char *value)
{
	AUTO(err_clear) Err err = {0};

	assert_done(fact_set(run->ctx, fact, value, &err), &err);
}

/* The id of what lies there now. */
UNUSED static void know_id(StepRun *run, Fact fact, const char *path)
{
	AUTO(free_auto) char *id = id_of(path);

	assert_non_null(id);
	know(run, fact, id);
}

UNUSED static Seen seen(StepRun *run, const StepDef *step)
{
	AUTO(err_clear) Err err = {0};
	Seen ret = SEEN_BEFORE;

	assert_done(step->observe(run->ctx, &ret, &err), &err);
	return ret;
}
