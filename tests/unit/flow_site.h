/* flow_site.h - a stopped SQLite site with two releases and runs in its journal, for the tests of
 * steps and flows. setup() and teardown() are those of backup/sqlite_backup.h. */
#pragma once
#include "backup/sqlite_release.h"
#include "journal/journal.h"
#include "steps/run_ctx.h"

typedef struct FlowSite {
	Fixture *fixture; /* release 0.7.2 serves */
	Site *site;       /* its */
	Journal *journal;
	char *old_home; /* ENV.releases/0.7.1 */
	Err err;
} FlowSite;

UNUSED static int flow_setup(void **state)
{
	FlowSite *flow = NEW(FlowSite);
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = NULL;
	void *fixture = NULL;

	assert_int_equal(setup(&fixture), 0);
	flow->fixture = fixture;
	flow->site = &flow->fixture->site;
	path = site_path(flow->site, "journal.db");
	/* An empty file is no journal. */
	assert_int_equal(unlink(path), 0);
	assert_done(journal_open(path, flow->site->name, &flow->journal, &err), &err);
	put_release(flow->fixture, "env", "0.7.2");
	put_release(flow->fixture, "env.releases/0.7.1", "0.7.1");
	flow->old_home = path_join(flow->fixture->root, "env.releases/0.7.1");
	*state = flow;
	return 0;
}

UNUSED static int flow_teardown(void **state)
{
	FlowSite *flow = *state;
	void *fixture = flow->fixture;
	int status;

	journal_close(flow->journal);
	err_clear(&flow->err);
	free(flow->old_home);
	free(flow);
	status = teardown(&fixture);
	return status;
}

#define FLOW_TEST(function) cmocka_unit_test_setup_teardown(function, flow_setup, flow_teardown)

UNUSED static char *below_root(const FlowSite *flow, const char *name)
{
	return path_join(flow->fixture->root, name);
}

UNUSED static char *run_begun(FlowSite *flow, const char *command)
{
	AUTO(err_clear) Err err = {0};
	char *run = NULL;

	assert_done(journal_run_begin(flow->journal, command, &run, &err), &err);
	flow->fixture->clock.wall_ms += 60000;
	return run;
}

UNUSED static void run_ended(FlowSite *flow, const char *run, const char *outcome)
{
	AUTO(err_clear) Err err = {0};

	assert_done(journal_run_end(flow->journal, run, outcome, 0, NULL, &err), &err);
}

UNUSED static void set_fact(FlowSite *flow, const char *run, Fact fact, const char *value)
{
	AUTO(err_clear) Err err = {0};

	assert_done(journal_fact_set(flow->journal, run, fact_name(fact), value, &err), &err);
}

UNUSED static char *id_of(const char *path)
{
	AUTO(err_clear) Err err = {0};
	char *id = NULL;

	assert_done(path_id(path, &id, &err), &err);
	return id;
}

UNUSED static size_t count_runs(FlowSite *flow)
{
	AUTO(run_list_clear) RunList runs = {0};
	AUTO(err_clear) Err err = {0};

	assert_done(journal_runs(flow->journal, 100, &runs, &err), &err);
	return runs.len;
}
