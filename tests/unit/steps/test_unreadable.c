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

static void put_garbage(const char *path)
{
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(free_auto) char *text = str_format("%*d", 4096, 7);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(folder, 0700, &err) && file_write_text(path, text, 0600, &err), &err);
}

static void folders_that_are_none(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *packages = site_path(flow->site, "packages");
	AUTO(free_auto) char *releases = site_releases_dir(flow->site);
	const char *const paths[] = {packages, flow->site->backup_dir, releases};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		AUTO(err_clear) Err err = {0};

		assert_done(tree_remove(paths[i], &err), &err);
		put_garbage(paths[i]);
		nothing_is_chosen(flow);
		assert_done(file_remove(paths[i], &err), &err);
	}
}

/* It is on a server that is not the site's any more: told, and the rest of retention goes on. */
static void a_way_back_that_cannot_be_given_up(void **state)
{
	StepRun *run = *state;
	AUTO(free_auto) char *older = NULL;
	AUTO(strlist_clear) StrList kept = {0};
	AUTO(err_clear) Err err = {0};

	run_ended(run->flow, run->ctx->run, "undone");
	older = upgraded(run->flow);
	set_fact(run->flow, older, FACT_SERVER_ID, "7301");
	assert_done(step_apply_retention.apply(run->ctx, &err), &err);
	assert_done(way_backs(run->flow->journal, &kept, &err), &err);
	assert_true(strlist_has(&kept, older));
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

/* A service that cannot be asked is neither stopped nor started. */
static void a_manager_that_does_not_answer(void **state)
{
	StepRun *run = *state;
	Seen before = SEEN_FOREIGN;

	run->flow->site->service = SERVICE_SYSTEMD;
	str_replace(&run->flow->site->unit, "open-webui.service");
	setenv("PATH", "/nowhere", 1);
	for (int i = 0; i < 3; i++) {
		AUTO(err_clear) Err err = {0};
		const bool done = i == 0   ? step_stop_service.observe(run->ctx, &before, &err)
				  : i == 1 ? step_start_service.observe(run->ctx, &before, &err)
					   : step_block_start.verify(run->ctx, &err);

		assert_false(done);
		assert_part(err.text, "systemctl");
	}
	assert_int_equal(before, SEEN_FOREIGN);
}

/* Somebody moved it away meanwhile: nothing is frozen, nothing stopped. */
static void an_environment_that_is_gone(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(err_clear) Err freezing = {0};

	assert_done(tree_remove(run->flow->site->environment, &err), &err);
	assert_false(run_ctx_from_is_intact(run->ctx, &err));
	assert_part(err.text, run->flow->site->environment);
	assert_false(step_freeze_database.apply(run->ctx, &freezing));
	assert_null(fact_get(run->ctx, FACT_LIVE_ID));
}

static void a_database_that_is_gone(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err freezing = {0};
	AUTO(err_clear) Err copying = {0};

	assert_int_equal(unlink(run->flow->site->database.name), 0);
	assert_error(step_freeze_database.apply(run->ctx, &freezing), &freezing, ERR_DATABASE);
	assert_part(freezing.text, "there is no database");
	assert_false(step_copy_database.apply(run->ctx, &copying));
	assert_null(fact_get(run->ctx, FACT_SPARE_ID));
}

static void a_copy_that_is_no_database(void **state)
{
	StepRun *run = *state;
	AUTO(free_auto) char *spare = below_root(run->flow, "spare.db");
	AUTO(err_clear) Err err = {0};

	put_garbage(spare);
	know(run, FACT_SPARE, spare);
	know(run, FACT_REVISION_AFTER, "a1b2c3d4e5f6");
	assert_false(step_restore_database.verify(run->ctx, &err));
	assert_part(err.text, "spare.db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(no_facts_no_way_back_is_given_up),
		FLOW_TEST(no_runs),
		STEP_TEST(retention_stops_there),
		FLOW_TEST(folders_that_are_none),
		STEP_TEST(a_way_back_that_cannot_be_given_up),
		STEP_TEST(without_marks_nothing_is_exported),
		STEP_TEST(marks_that_cannot_be_read_stop_a_rollback),
		STEP_TEST(an_environment_that_is_gone),
		STEP_TEST(a_database_that_is_gone),
		STEP_TEST(a_copy_that_is_no_database),
		STEP_TEST(a_manager_that_does_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
