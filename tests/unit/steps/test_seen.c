/* What each step that exchanges something takes the world for. A state that is none of those it
 * knows was made by somebody else, and is left alone (exit 5): that must be seen, whatever the
 * journal says. */
#include "os/tree.h"
#include "release/link.h"
#include "step_run.h"
#include "steps/vectors.h"

/* ---- the copy of the database ---- */

static void a_copy(void **state)
{
	StepRun *run = *state;
	const char *live = run->flow->site->database.name;
	AUTO(free_auto) char *spare = database_spare_name(run->ctx->db, run->ctx->run);

	assert_int_equal(seen(run, &step_copy_database), SEEN_BEFORE);
	know(run, FACT_SPARE, spare);
	know_id(run, FACT_LIVE_ID, live);
	assert_int_equal(seen(run, &step_copy_database), SEEN_BEFORE);
	run_sql(spare, "CREATE TABLE chat (id TEXT)");
	assert_int_equal(seen(run, &step_copy_database), SEEN_PARTIAL);
	know(run, FACT_PROOF, "{}");
	assert_int_equal(seen(run, &step_copy_database), SEEN_PARTIAL);
	know_id(run, FACT_SPARE_ID, spare);
	assert_int_equal(seen(run, &step_copy_database), SEEN_AFTER);
	know(run, FACT_LIVE_ID, "1:1");
	assert_int_equal(seen(run, &step_copy_database), SEEN_FOREIGN);
}

static void a_copy_of_nothing(void **state)
{
	StepRun *run = *state;
	AUTO(err_clear) Err err = {0};

	assert_int_equal(unlink(run->flow->site->database.name), 0);
	assert_error(step_copy_database.apply(run->ctx, &err), &err, ERR_DATABASE);
}

/* ---- the exchanges ---- */

static void the_exchange_of_databases(void **state)
{
	StepRun *run = *state;
	const char *live = run->flow->site->database.name;
	AUTO(free_auto) char *spare = database_spare_name(run->ctx->db, run->ctx->run);
	AUTO(err_clear) Err err = {0};
	Seen ignored;

	assert_error(step_swap_database.observe(run->ctx, &ignored, &err), &err, ERR_INTERNAL);
	assert_part(err.text, "the journal has no 'database.server'");
	run_sql(spare, "CREATE TABLE chat (id TEXT)");
	know(run, FACT_SERVER_ID, "");
	know(run, FACT_SPARE, spare);
	know_id(run, FACT_LIVE_ID, live);
	know_id(run, FACT_SPARE_ID, spare);
	assert_int_equal(seen(run, &step_swap_database), SEEN_BEFORE);
	assert_done(path_exchange(live, spare, &run->flow->err), &run->flow->err);
	assert_int_equal(seen(run, &step_swap_database), SEEN_AFTER);
	/* Both names lead somewhere; it is neither of the two states. */
	assert_int_equal(unlink(spare), 0);
	assert_int_equal(seen(run, &step_swap_database), SEEN_FOREIGN);
	assert_int_equal(link(live, spare), 0);
	assert_int_equal(seen(run, &step_swap_database), SEEN_FOREIGN);
}

static void a_database_on_another_server(void **state)
{
	StepRun *run = *state;
	const char *live = run->flow->site->database.name;

	know(run, FACT_SERVER_ID, "7301");
	know(run, FACT_SPARE, live);
	know_id(run, FACT_LIVE_ID, live);
	know_id(run, FACT_SPARE_ID, live);
	assert_int_equal(seen(run, &step_swap_database), SEEN_FOREIGN);
}

static void the_exchange_of_vector_stores(void **state)
{
	StepRun *run = *state;
	AUTO(free_auto) char *live = vectors_live(run->ctx);
	AUTO(free_auto) char *spare = vectors_spare(run->ctx);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(spare, 0755, &err), &err);
	know_id(run, FACT_VECTOR_LIVE_ID, live);
	know_id(run, FACT_VECTOR_SPARE_ID, spare);
	assert_int_equal(seen(run, &step_swap_vectors), SEEN_BEFORE);
	assert_done(path_exchange(live, spare, &err), &err);
	assert_int_equal(seen(run, &step_swap_vectors), SEEN_AFTER);
	assert_done(tree_remove(spare, &err), &err);
	assert_done(dir_make(spare, 0755, &err), &err);
	know(run, FACT_VECTOR_LIVE_ID, "1:1");
	assert_int_equal(seen(run, &step_swap_vectors), SEEN_FOREIGN);
}

/* The journal of a run that exchanged them already: what lies there served before. */
static void a_vector_store_that_served_is_not_dropped(void **state)
{
	StepRun *run = *state;
	AUTO(free_auto) char *spare = vectors_spare(run->ctx);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(spare, 0755, &err), &err);
	assert_done(vectors_drop_spare(run->ctx, &err), &err);
	assert_int_equal(file_kind(spare), FILE_FOLDER);
	know(run, FACT_VECTOR_MADE, "yes");
	know_id(run, FACT_VECTOR_LIVE_ID, spare);
	assert_error(vectors_drop_spare(run->ctx, &err), &err, ERR_FOREIGN);
	assert_int_equal(file_kind(spare), FILE_FOLDER);
	err_clear(&err);
	know(run, FACT_VECTOR_LIVE_ID, "1:1");
	assert_done(vectors_drop_spare(run->ctx, &err), &err);
	assert_int_equal(file_kind(spare), FILE_ABSENT);
}

/* ---- the environment ---- */

static void the_block(void **state)
{
	StepRun *run = *state;
	Site *site = run->flow->site;
	AUTO(free_auto) char *id = NULL;
	AUTO(run_ctx_close_auto) RunCtx *other = NULL;
	AUTO(err_clear) Err err = {0};
	Seen by_other;

	know(run, FACT_FROM_HOME, run->flow->old_home);
	assert_int_equal(seen(run, &step_block_start), SEEN_BEFORE);
	assert_done(link_block(site, run->ctx->run, "0.7.2", &err), &err);
	assert_int_equal(seen(run, &step_block_start), SEEN_AFTER);
	run_ended(run->flow, run->ctx->run, "undone");
	id = run_begun(run->flow, "upgrade");
	other = ctx_of(run->flow, id);
	assert_done(step_block_start.observe(other, &by_other, &err), &err);
	assert_int_equal(by_other, SEEN_FOREIGN);
}

static void a_link_that_a_person_made(void **state)
{
	StepRun *run = *state;
	Site *site = run->flow->site;
	AUTO(free_auto) char *aside = below_root(run->flow, "env.releases/0.7.2");
	AUTO(err_clear) Err err = {0};

	assert_int_equal(rename(site->environment, aside), 0);
	assert_int_equal(symlink(aside, site->environment), 0);
	know(run, FACT_FROM_HOME, aside);
	assert_int_equal(seen(run, &step_block_start), SEEN_BEFORE);
	know(run, FACT_FROM_HOME, run->flow->old_home);
	assert_int_equal(seen(run, &step_block_start), SEEN_FOREIGN);
	/* The folder that was there when the run began is a link now. */
	know(run, FACT_FROM_HOME, aside);
	know(run, FACT_FROM_FOLDED, "yes");
	assert_int_equal(seen(run, &step_block_start), SEEN_FOREIGN);
}

static void the_switch(void **state)
{
	StepRun *run = *state;
	Site *site = run->flow->site;
	AUTO(err_clear) Err err = {0};

	know(run, FACT_TO_HOME, run->flow->old_home);
	assert_int_equal(seen(run, &step_switch_release), SEEN_FOREIGN);
	assert_done(link_block(site, run->ctx->run, "0.7.2", &err), &err);
	assert_int_equal(seen(run, &step_switch_release), SEEN_BEFORE);
	assert_done(link_point(site, run->flow->old_home, &err), &err);
	assert_int_equal(seen(run, &step_switch_release), SEEN_AFTER);
	know(run, FACT_TO_HOME, "/elsewhere");
	assert_int_equal(seen(run, &step_switch_release), SEEN_FOREIGN);
}

static void an_environment_where_none_was(void **state)
{
	StepRun *run = *state;
	const char *environment = run->flow->site->environment;
	AUTO(err_clear) Err err = {0};

	know(run, FACT_TO_HOME, run->flow->old_home);
	assert_int_equal(seen(run, &step_point_environment), SEEN_FOREIGN);
	assert_done(tree_remove(environment, &err), &err);
	assert_int_equal(seen(run, &step_point_environment), SEEN_BEFORE);
	assert_int_equal(symlink("/elsewhere", environment), 0);
	assert_int_equal(seen(run, &step_point_environment), SEEN_FOREIGN);
	assert_int_equal(unlink(environment), 0);
	assert_done(step_point_environment.apply(run->ctx, &err), &err);
	assert_int_equal(seen(run, &step_point_environment), SEEN_AFTER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(a_copy),
		STEP_TEST(a_copy_of_nothing),
		STEP_TEST(the_exchange_of_databases),
		STEP_TEST(a_database_on_another_server),
		STEP_TEST(the_exchange_of_vector_stores),
		STEP_TEST(a_vector_store_that_served_is_not_dropped),
		STEP_TEST(the_block),
		STEP_TEST(a_link_that_a_person_made),
		STEP_TEST(the_switch),
		STEP_TEST(an_environment_where_none_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
