/* What a rollback refuses, on the kind of site whose journal says what was done to it. */
#include "flow_end.h"

/* An upgrade from 0.7.1 that left everything its way back needs. Returns its id. */
static char *upgraded(FlowSite *flow, char **ret_spare)
{
	char *run = run_begun(flow, "upgrade");
	AUTO(free_auto) char *spare = database_spare_name(flow->fixture->db, run);
	AUTO(free_auto) char *id = NULL;

	run_sql(spare, "CREATE TABLE chat (id TEXT)");
	id = id_of(spare);
	set_fact(flow, run, FACT_FROM_VERSION, "0.7.1");
	set_fact(flow, run, FACT_FROM_HOME, flow->old_home);
	set_fact(flow, run, FACT_TO_VERSION, "0.7.2");
	set_fact(flow, run, FACT_SPARE, spare);
	set_fact(flow, run, FACT_LIVE_ID, id);
	run_ended(flow, run, "upgraded");
	if (ret_spare)
		*ret_spare = TAKE(spare);
	return run;
}

/* What was there when users came back, as an upgrade notes it. */
static void mark(FlowSite *flow, const char *run)
{
	Database *db = flow->fixture->db;
	AUTO(json_release_auto) json_t *marks = NULL;
	AUTO(free_auto) char *line = NULL;
	AUTO(err_clear) Err err = {0};

	assert_done(database_mark(db, database_live(db), &marks, &err), &err);
	line = json_line(marks);
	set_fact(flow, run, FACT_MARKS, line);
}

static void nothing_was_upgraded(void **state)
{
	const FlowWish wish = {.accept_loss = true};

	refuses(*state, flow_rollback, &wish,
		&(Wanted){"refused", 3, "there is no upgrade to roll back", "belay backups"});
}

static void only_the_last_one_goes_back(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *first = upgraded(flow, NULL);
	AUTO(free_auto) char *last = upgraded(flow, NULL);
	const FlowWish wish = {.run = first, .accept_loss = true};

	refuses(flow, flow_rollback, &wish, &(Wanted){"refused", 3, last, "belay restore SET"});
}

/* A restore from a set on an empty machine, for example: there was nothing before it. */
static void a_run_without_a_way_back(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = run_begun(flow, "restore");
	const FlowWish wish = {.accept_loss = true};

	run_ended(flow, run, "restored");
	refuses(flow, flow_rollback, &wish,
		&(Wanted){"refused", 3, "left no way back", "belay restore SET"});
}

static void another_tool_installed_another_version(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow, NULL);
	const FlowWish wish = {.accept_loss = true};

	set_fact(flow, run, FACT_TO_VERSION, "0.8.0");
	refuses(flow, flow_rollback, &wish,
		&(Wanted){"refused", 3, "went to 0.8.0, but 0.7.2 is installed now",
			"belay restore SET"});
}

static void the_old_database_is_gone(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *run = upgraded(flow, &spare);
	AUTO(free_auto) char *aside = str_format("%s.aside", spare);
	const FlowWish wish = {.accept_loss = true};
	const Wanted wanted = {"refused", 3, "is not there any more", "belay restore SET"};

	assert_int_equal(rename(spare, aside), 0);
	refuses(flow, flow_rollback, &wish, &wanted);
	/* A file of that name that somebody put there is not it either. */
	run_sql(spare, "CREATE TABLE chat (id TEXT)");
	refuses(flow, flow_rollback, &wish, &wanted);
}

static void the_old_release_is_gone(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow, NULL);
	const FlowWish wish = {.accept_loss = true};

	assert_done(tree_remove(flow->old_home, &flow->err), &flow->err);
	refuses(flow, flow_rollback, &wish,
		&(Wanted){"failed", 1, "looking at the old release: no environment at",
			"belay restore SET"});
}

static void what_users_wrote_is_not_lost_silently(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow, NULL);
	const FlowWish wish = {0};

	refuses(flow, flow_rollback, &wish,
		&(Wanted){
			"refused", 3, "it cannot be told what was written since", "--accept-loss"});
	mark(flow, run);
	run_sql(flow->site->database.name,
		"INSERT INTO chat VALUES ('new', 'u', 'written since'), ('newer', 'u', 'too')");
	refuses(flow, flow_rollback, &wish, &(Wanted){"refused", 3, "chat (2)", "--accept-loss"});
}

static void the_plan_lists_apart_what_the_release_wrote_itself(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow, NULL);
	AUTO(flow_end_clear) FlowEnd end = {0};
	const FlowWish wish = {.plan_only = true};
	const json_t *plan;

	mark(flow, run);
	set_fact(flow, run, FACT_REHEARSAL,
		"{\"boot_rows\":{\"config\":{\"before\":2,\"after\":3},"
		"\"user\":{\"before\":1,\"after\":2}}}");
	run_sql(flow->site->database.name,
		"INSERT INTO config (data) VALUES ('by the release');"
		"INSERT INTO user VALUES ('v', 'v@example.com'), ('w', 'w@example.com')");
	ends(flow, flow_rollback, &wish, &(Wanted){"planned", 0, NULL, NULL}, &end);
	plan = json_object_get(end.result, "plan");
	assert_non_null(json_object_get(json_object_get(plan, "written_by_start"), "config"));
	assert_null(json_object_get(json_object_get(plan, "written_since"), "config"));
	/* One user more than the release makes itself: somebody signed up. */
	assert_non_null(json_object_get(json_object_get(plan, "written_since"), "user"));
	assert_string_equal(json_str(end.result, "to"), "0.7.1");
}

static void a_no_changes_nothing(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *run = upgraded(flow, NULL);
	const FlowWish wish = {.confirm = says_no};

	refuses(flow, flow_rollback, &wish, &(Wanted){"declined", 0, NULL, NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(nothing_was_upgraded),
		FLOW_TEST(only_the_last_one_goes_back),
		FLOW_TEST(a_run_without_a_way_back),
		FLOW_TEST(another_tool_installed_another_version),
		FLOW_TEST(the_old_database_is_gone),
		FLOW_TEST(the_old_release_is_gone),
		FLOW_TEST(what_users_wrote_is_not_lost_silently),
		FLOW_TEST(the_plan_lists_apart_what_the_release_wrote_itself),
		FLOW_TEST(a_no_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
