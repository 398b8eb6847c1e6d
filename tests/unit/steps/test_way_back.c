/* Giving up a way back drops a database: only the one that the run left, on the server it was on.
 */
#include "flow_site.h"
#include "steps/way_back.h"

typedef struct Kept {
	char *run, *spare;
} Kept;

static void kept_clear(Kept *kept)
{
	free(kept->run);
	free(kept->spare);
}

static Kept upgraded(FlowSite *flow)
{
	Kept kept = {.run = run_begun(flow, "upgrade")};
	AUTO(free_auto) char *id = NULL;

	kept.spare = database_spare_name(flow->fixture->db, kept.run);
	run_sql(kept.spare, "CREATE TABLE chat (id TEXT)");
	id = id_of(kept.spare);
	set_fact(flow, kept.run, FACT_SERVER_ID, "");
	set_fact(flow, kept.run, FACT_SPARE, kept.spare);
	set_fact(flow, kept.run, FACT_LIVE_ID, id);
	run_ended(flow, kept.run, "upgraded");
	return kept;
}

static bool give_up(FlowSite *flow, const char *run, Err *err)
{
	return way_back_give_up(flow->site, flow->journal, flow->fixture->db, run, err);
}

static void its_database_goes_once(void **state)
{
	FlowSite *flow = *state;
	AUTO(kept_clear) Kept kept = upgraded(flow);
	AUTO(strlist_clear) StrList runs = {0};
	AUTO(strlist_clear) StrList left = {0};
	AUTO(err_clear) Err err = {0};

	assert_done(way_backs(flow->journal, &runs, &err), &err);
	assert_true(strlist_has(&runs, kept.run));
	assert_done(give_up(flow, kept.run, &err), &err);
	assert_false(file_exists(kept.spare));
	assert_true(file_exists(flow->site->database.name));
	assert_done(way_backs(flow->journal, &left, &err), &err);
	assert_int_equal(left.len, 0);
	assert_error(give_up(flow, kept.run, &err), &err, ERR_REFUSED);
	assert_part(err.text, "has no way back");
}

static void not_on_another_server(void **state)
{
	FlowSite *flow = *state;
	AUTO(kept_clear) Kept kept = upgraded(flow);
	AUTO(err_clear) Err err = {0};

	set_fact(flow, kept.run, FACT_SERVER_ID, "7301");
	assert_error(give_up(flow, kept.run, &err), &err, ERR_FOREIGN);
	assert_part(err.text, "lies on another server than the site's");
	assert_true(file_exists(kept.spare));
}

/* After a rollback the place holds the newer database, which belongs to the rollback's way back. */
static void not_what_lies_in_its_place_since(void **state)
{
	FlowSite *flow = *state;
	AUTO(kept_clear) Kept kept = upgraded(flow);
	AUTO(free_auto) char *aside = str_format("%s.aside", kept.spare);
	AUTO(err_clear) Err err = {0};

	assert_int_equal(rename(kept.spare, aside), 0);
	run_sql(kept.spare, "CREATE TABLE others (id TEXT)");
	assert_done(give_up(flow, kept.run, &err), &err);
	assert_true(file_exists(kept.spare));
}

static void a_rollback_takes_the_way_of_its_upgrade(void **state)
{
	FlowSite *flow = *state;
	AUTO(kept_clear) Kept kept = upgraded(flow);
	AUTO(free_auto) char *back = run_begun(flow, "rollback");
	AUTO(strlist_clear) StrList runs = {0};
	AUTO(err_clear) Err err = {0};

	set_fact(flow, back, FACT_UNDOES, kept.run);
	set_fact(flow, back, FACT_SPARE, kept.spare);
	set_fact(flow, back, FACT_LIVE_ID, "1:1");
	run_ended(flow, back, "rolled-back");
	assert_done(way_backs(flow->journal, &runs, &err), &err);
	assert_true(strlist_has(&runs, back));
	assert_false(strlist_has(&runs, kept.run));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(its_database_goes_once),
		FLOW_TEST(not_on_another_server),
		FLOW_TEST(not_what_lies_in_its_place_since),
		FLOW_TEST(a_rollback_takes_the_way_of_its_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
