/* A journal or a folder that cannot be read: it is said, and nothing is concluded from what was not
 * there. A way back that is merely not found would be retired with the release in it. */
#include "step_run.h"
#include "steps/retire.h"
#include "steps/way_back.h"

/* As after damage that the sums of its rows cannot show. */
static void lose_table(FlowSite *flow, const char *name)
{
	AUTO(free_auto) char *path = site_path(flow->site, "journal.db");
	AUTO(free_auto) char *script = str_format("DROP TABLE %s", name);

	run_sql(path, script);
}

/* An ended run whose way back is kept. */
static char *upgraded(FlowSite *flow)
{
	char *run = run_begun(flow, "upgrade");

	set_fact(flow, run, FACT_SPARE, "/nowhere");
	set_fact(flow, run, FACT_LIVE_ID, "1:1");
	run_ended(flow, run, "upgraded");
	return run;
}

static void nothing_is_chosen(FlowSite *flow)
{
	AUTO(retiring_clear) Retiring retiring = {0};
	AUTO(err_clear) Err err = {0};

	assert_false(retire_choose(flow->site, flow->journal, NULL, NULL, &retiring, &err));
	assert_true(err.kind != ERR_NONE);
	assert_int_equal(retiring.releases.len, 0);
	assert_int_equal(retiring.sets.len, 0);
}

static void no_facts_no_way_back_is_given_up(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow);
	AUTO(strlist_clear) StrList runs = {0};
	AUTO(run_ctx_close_auto) RunCtx *ctx = NULL;
	AUTO(err_clear) Err of_list = {0};
	AUTO(err_clear) Err of_one = {0};
	AUTO(err_clear) Err of_run = {0};

	lose_table(flow, "fact");
	assert_false(way_backs(flow->journal, &runs, &of_list));
	assert_part(of_list.text, "fact");
	assert_int_equal(runs.len, 0);
	assert_false(way_back_give_up(flow->site, flow->journal, flow->fixture->db, run, &of_one));
	assert_part(of_one.text, "fact");
	assert_false(run_ctx_open(flow->site, flow->journal, run, "upgrade", &ctx, &of_run));
	assert_part(of_run.text, "fact");
	nothing_is_chosen(flow);
}

static void no_runs(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow);
	AUTO(strlist_clear) StrList runs = {0};
	AUTO(err_clear) Err err = {0};

	lose_table(flow, "run");
	assert_false(way_backs(flow->journal, &runs, &err));
	assert_part(err.text, "run");
	nothing_is_chosen(flow);
}

static void retention_stops_there(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};

	lose_table(run->flow, "run");
	assert_false(step_apply_retention.apply(run->ctx, &err));
	assert_part(err.text, "run");
}

static void put_file(const char *path)
{
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(folder, 0700, &err) && file_write_text(path, "x", 0600, &err), &err);
}

static void a_folder_that_is_none(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *packages = site_path(flow->site, "packages");

	put_file(packages);
	nothing_is_chosen(flow);
}

/* What a rollback exports is told from what there was when the upgrade ended. */
static void know_exchange(StepRun *run, const char *upgrade)
{
	know(run, FACT_LIVE_ID, "1:1");
	know(run, FACT_SPARE, "/nowhere");
	know(run, FACT_UNDOES, upgrade);
}

static void without_marks_nothing_is_exported(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};

	know_exchange(run, run->ctx->run);
	assert_done(step_export_written.apply(run->ctx, &err), &err);
	assert_null(fact_get(run->ctx, FACT_EXPORTED));
}

static void marks_that_cannot_be_read_stop_a_rollback(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};

	know_exchange(run, run->ctx->run);
	lose_table(run->flow, "fact");
	assert_false(step_export_written.apply(run->ctx, &err));
	assert_part(err.text, "exporting what was written");
	assert_part(err.hint, "belay rollback --accept-loss");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(no_facts_no_way_back_is_given_up),
		FLOW_TEST(no_runs),
		STEP_TEST(retention_stops_there),
		FLOW_TEST(a_folder_that_is_none),
		STEP_TEST(without_marks_nothing_is_exported),
		STEP_TEST(marks_that_cannot_be_read_stop_a_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
