/* What a restore refuses: on the site of the set, and on a machine that should have nothing of it.
 */
#include "flow_end.h"

/* A set of the site; the path of its folder. */
static char *a_set(FlowSite *flow)
{
	AUTO(backup_set_clear) BackupSet set = {0};

	make_set(flow->fixture, &set);
	return TAKE(set.path);
}

/* ---- on the site ---- */

static void there_is_no_such_set(void **state)
{
	const FlowWish wish = {.set = "openwebui_backup_20200101_000000"};

	refuses(*state, flow_restore, &wish,
		&(Wanted){"failed", 2, "there is no backup set", "belay backups"});
}

static void a_dump_is_no_set(void **state)
{
	FlowSite *flow = *state;
	const FlowWish wish = {.set = "openwebui_backup_20200101_000000.dump"};

	put(flow->fixture, "start/backups/openwebui_backup_20200101_000000.dump", "PGDMP", 0600);
	refuses(flow, flow_restore, &wish,
		&(Wanted){"refused", 3, "is not a backup set of belay", "pg_restore it by hand"});
	refuses(flow, flow_restore_empty, &wish,
		&(Wanted){"refused", 3, "is not a backup set of belay", NULL});
}

static void a_set_with_a_damaged_file(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = a_set(flow);
	AUTO(free_auto) char *key = path_join(set, "secret_key");
	const FlowWish wish = {.set = set};

	assert_done(file_write_text(key, "another-key-of-the-test!", 0600, &flow->err), &flow->err);
	refuses(flow, flow_restore, &wish, &(Wanted){"failed", 1, "checking backup set", NULL});
	refuses(flow, flow_restore_empty, &wish,
		&(Wanted){"failed", 1, "checking backup set", NULL});
}

static void a_plan_and_a_no_change_nothing(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = a_set(flow);
	AUTO(flow_end_clear) FlowEnd end = {0};
	const FlowWish plan = {.set = set, .plan_only = true};
	const FlowWish asked = {.set = set, .confirm = says_no};

	ends(flow, flow_restore, &plan, &(Wanted){"planned", 0, NULL, NULL}, &end);
	assert_string_equal(json_str(end.result, "set"), path_name(set));
	refuses(flow, flow_restore, &asked, &(Wanted){"declined", 0, NULL, NULL});
}

/* ---- on an empty machine ---- */

/* Only the set is left of the site. Returns its path. */
static char *empty_machine(FlowSite *flow)
{
	static const char *const names[] = {
		"env", "env.releases", "data", "start/.webui_secret_key"};
	char *set = a_set(flow);
	AUTO(err_clear) Err err = {0};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *path = below_root(flow, names[i]);

		assert_done(tree_remove(path, &err), &err);
	}
	return set;
}

static void nothing_is_in_the_way(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = empty_machine(flow);
	AUTO(flow_end_clear) FlowEnd end = {0};
	const FlowWish plan = {.set = set, .plan_only = true};
	const FlowWish asked = {.set = set, .confirm = says_no};

	ends(flow, flow_restore_empty, &plan, &(Wanted){"planned", 0, NULL, NULL}, &end);
	refuses(flow, flow_restore_empty, &asked, &(Wanted){"declined", 0, NULL, NULL});
}

static void it_replaces_nothing(void **state)
{
	static const char *const names[] = {"test.conf", "env/bin/python", "env.releases/0.7.2/x",
		"start/.webui_secret_key", "data/uploads/one.pdf", "data/vector_db/chroma.sqlite3"};
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = empty_machine(flow);
	const FlowWish wish = {.set = set, .plan_only = true};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *path = below_root(flow, names[i]);
		AUTO(free_auto) char *folder = path_folder(path);
		const bool alone = str_starts(names[i], "env");

		put(flow->fixture, names[i], "somebody's", 0644);
		refuses(flow, flow_restore_empty, &wish,
			&(Wanted){"refused", 3, "is there already: a restore from nothing",
				"belay adopt"});
		assert_true(file_exists(path));
		assert_done(tree_remove(alone ? folder : path, &flow->err), &flow->err);
		if (str_starts(names[i], "env/"))
			assert_int_equal(rmdir(flow->site->environment), 0);
	}
}

static void nor_a_database_with_tables(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = empty_machine(flow);
	const FlowWish wish = {.set = set, .plan_only = true};

	run_sql(flow->site->database.name, "VACUUM");
	refuses(flow, flow_restore_empty, &wish, &(Wanted){"planned", 0, NULL, NULL});
	run_sql(flow->site->database.name, "CREATE TABLE somebodys (x)");
	refuses(flow, flow_restore_empty, &wish,
		&(Wanted){"refused", 3, "is not empty", "--database URL"});
}

/* Killed before the site file was there: `resume` has no site to be called for, so the next restore
 * sweeps it. */
static void a_killed_one_is_swept(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = empty_machine(flow);
	AUTO(free_auto) char *run = run_begun(flow, "restore-empty");
	AUTO(free_auto) char *recipe = site_path(flow->site, "recipe.json");
	AUTO(run_clear) Run swept = {0};
	const FlowWish wish = {.set = set, .plan_only = true};

	assert_done(journal_note(flow->journal, run, "lay-out-site", PHASE_INTENT, 0, &flow->err),
		&flow->err);
	assert_done(file_write_text(recipe, "{}", 0600, &flow->err), &flow->err);
	refuses(flow, flow_restore_empty, &wish, &(Wanted){"planned", 0, NULL, NULL});
	assert_done(journal_run(flow->journal, run, &swept, &flow->err), &flow->err);
	assert_string_equal(swept.outcome, "undone");
	assert_false(file_exists(recipe));
}

static void the_unfinished_run_of_a_site_is_not(void **state)
{
	FlowSite *flow = *state;
	AUTO(free_auto) char *set = empty_machine(flow);
	AUTO(free_auto) char *run = run_begun(flow, "upgrade");
	const FlowWish wish = {.set = set};

	refuses(flow, flow_restore_empty, &wish, &(Wanted){"stuck", 5, run, "belay resume"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(there_is_no_such_set),
		FLOW_TEST(a_dump_is_no_set),
		FLOW_TEST(a_set_with_a_damaged_file),
		FLOW_TEST(a_plan_and_a_no_change_nothing),
		FLOW_TEST(nothing_is_in_the_way),
		FLOW_TEST(it_replaces_nothing),
		FLOW_TEST(nor_a_database_with_tables),
		FLOW_TEST(a_killed_one_is_swept),
		FLOW_TEST(the_unfinished_run_of_a_site_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
