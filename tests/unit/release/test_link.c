#include "release/link.h"

#include "base/text.h"
#include "fake_env.h"
#include "os/proc.h"
#include "release/stub.h"

static void expect_state(FakeSite *fake, LinkState wanted, const char *target)
{
	AUTO(free_auto) char *got = NULL;
	LinkState state;

	assert_done(link_state(&fake->site, &state, &got, &fake->err), &fake->err);
	assert_int_equal(state, wanted);
	if (target)
		assert_string_equal(got, target);
	else
		assert_null(got);
}

static char *parked(const FakeSite *fake)
{
	return path_join(fake->releases, "0.7.2");
}

/* Which environment is where: the inode of its Python survives every rename. */
static char *python_id(const char *environment)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *python = path_join(environment, "bin/python");
	char *id = NULL;

	assert_done(path_id(python, &id, &err), &err);
	return id;
}

static void block_turns_the_folder_into_a_link(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *before = python_id(fake->site.environment);
	AUTO(free_auto) char *place = parked(fake);

	expect_state(fake, LINK_FOLDER, NULL);
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	expect_state(fake, LINK_STUB, "R1");
	AUTO(free_auto) char *after = python_id(place);
	assert_string_equal(before, after);
}

static void block_can_be_repeated(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *place = parked(fake);

	for (int i = 0; i < 2; i++)
		assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	expect_state(fake, LINK_STUB, "R1");
	assert_int_equal(file_kind(place), FILE_FOLDER);
}

/* A crash between making the link and the exchange, in this run or an earlier one. */
static void block_goes_on_from_a_prepared_link(void **state)
{
	static const char *const runs[] = {"R1", "R0"};

	for (size_t i = 0; i < COUNT_OF(runs); i++) {
		FakeSite *fake = *state;
		AUTO(free_auto) char *place = parked(fake);
		AUTO(free_auto) char *stub = stub_path(fake->releases, runs[i]);

		assert_done(dir_make(fake->releases, 0755, &fake->err), &fake->err);
		assert_done(link_replace(place, stub, &fake->err), &fake->err);
		assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
		expect_state(fake, LINK_STUB, "R1");
		assert_int_equal(file_kind(place), FILE_FOLDER);
		assert_done(link_unfold(&fake->site, "0.7.2", &fake->err), &fake->err);
	}
}

static void block_completes_a_half_made_stub(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *stub = stub_path(fake->releases, "R1");
	AUTO(free_auto) char *program = path_join(stub, "bin/alembic");

	fake_file_at(stub, "bin/open-webui", "half");
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_true(file_exists(program));
}

static void block_leaves_what_lies_in_the_way(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *place = parked(fake);

	fake_env(place, "0.7.2");
	assert_error(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err, ERR_FOREIGN);
	expect_state(fake, LINK_FOLDER, NULL);
}

static void block_of_another_run_is_refused(void **state)
{
	FakeSite *fake = *state;

	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_error(link_block(&fake->site, "R2", "0.7.2", &fake->err), &fake->err, ERR_FOREIGN);
	assert_part(fake->err.hint, "belay resume");
}

static void unfold_brings_the_folder_back(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *before = python_id(fake->site.environment);
	AUTO(free_auto) char *place = parked(fake);

	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	for (int i = 0; i < 2; i++) {
		assert_done(link_unfold(&fake->site, "0.7.2", &fake->err), &fake->err);
		AUTO(free_auto) char *after = python_id(fake->site.environment);
		assert_string_equal(before, after);
		expect_state(fake, LINK_FOLDER, NULL);
		assert_int_equal(file_kind(place), FILE_ABSENT);
	}
	assert_done(link_stub_remove(&fake->site, "R1", &fake->err), &fake->err);
}

static void unfold_before_any_block_changes_nothing(void **state)
{
	FakeSite *fake = *state;

	assert_done(link_unfold(&fake->site, "0.7.2", &fake->err), &fake->err);
	expect_state(fake, LINK_FOLDER, NULL);
}

/* Before the exchange of block, and after the exchange of unfold, the world looks like this. */
static void unfold_takes_a_prepared_link_away(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *place = parked(fake);
	AUTO(free_auto) char *stub = stub_path(fake->releases, "R1");

	assert_done(stub_make(stub, "R1", &fake->err), &fake->err);
	assert_done(link_replace(place, stub, &fake->err), &fake->err);
	assert_done(link_unfold(&fake->site, "0.7.2", &fake->err), &fake->err);
	assert_int_equal(file_kind(place), FILE_ABSENT);
	expect_state(fake, LINK_FOLDER, NULL);
}

static void unfold_without_the_old_environment_is_refused(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *place = parked(fake);

	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_done(tree_remove(place, &fake->err), &fake->err);
	assert_error(link_unfold(&fake->site, "0.7.2", &fake->err), &fake->err, ERR_FOREIGN);
	expect_state(fake, LINK_STUB, "R1");
}

static void point_needs_the_stub_and_a_complete_release(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *next = path_join(fake->releases, "0.8.0");
	AUTO(free_auto)
	char *init = path_join(next, "lib/python3.11/site-packages/open_webui/__init__.py");

	fake_env(next, "0.8.0");
	assert_error(link_point(&fake->site, next, &fake->err), &fake->err, ERR_FOREIGN);
	err_clear(&fake->err);
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_done(file_remove(init, &fake->err), &fake->err);
	assert_error(link_point(&fake->site, next, &fake->err), &fake->err, ERR_VERIFY);
	err_clear(&fake->err);
	expect_state(fake, LINK_STUB, "R1");
	fake_env(next, "0.8.0");
	for (int i = 0; i < 2; i++)
		assert_done(link_point(&fake->site, next, &fake->err), &fake->err);
	expect_state(fake, LINK_RELEASE, next);
}

static void a_later_upgrade_and_its_undo_replace_the_link(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *old = parked(fake);
	AUTO(free_auto) char *next = path_join(fake->releases, "0.8.0");

	fake_env(next, "0.8.0");
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_done(link_point(&fake->site, next, &fake->err), &fake->err);
	assert_error(link_point(&fake->site, old, &fake->err), &fake->err, ERR_FOREIGN);
	err_clear(&fake->err);
	assert_done(link_block(&fake->site, "R2", "0.8.0", &fake->err), &fake->err);
	expect_state(fake, LINK_STUB, "R2");
	assert_int_equal(file_kind(next), FILE_FOLDER);
	assert_done(link_point(&fake->site, old, &fake->err), &fake->err);
	expect_state(fake, LINK_RELEASE, old);
}

static void a_stub_in_use_is_not_removed(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *stub = stub_path(fake->releases, "R1");

	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_error(link_stub_remove(&fake->site, "R1", &fake->err), &fake->err, ERR_INTERNAL);
	assert_true(file_exists(stub));
}

static void what_is_no_environment_is_said(void **state)
{
	FakeSite *fake = *state;

	assert_done(tree_remove(fake->site.environment, &fake->err), &fake->err);
	expect_state(fake, LINK_OTHER, "it does not exist");
	assert_done(link_replace(fake->site.environment, "nowhere", &fake->err), &fake->err);
	AUTO(free_auto) char *got = NULL;
	LinkState kind;
	assert_done(link_state(&fake->site, &kind, &got, &fake->err), &fake->err);
	assert_int_equal(kind, LINK_OTHER);
	assert_part(got, "nowhere");
	assert_error(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err, ERR_FOREIGN);
}

static void expect_refusal(const char *shell, const char *script, const char *start)
{
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {.argv = ARGV(shell, "-c", script, shell, start),
		.timeout_ms = 5000,
		.exit_is_answer = true,
		.quiet = true};

	assert_done(proc_run(&spec, &result, &err), &err);
	assert_int_equal(result.exit_code, 1);
	assert_part(result.err_tail, "run R1 is unfinished: belay resume");
	assert_part(result.err_tail, "R1 실행이");
}

/* What start scripts do with an environment. */
static void every_way_to_start_reaches_the_stub(void **state)
{
	static const char *const scripts[] = {
		"exec \"$1/bin/open-webui\" serve",
		"\"$1/bin/python\" -m open_webui serve",
		"\"$1/bin/python3\" -m uvicorn open_webui.main:app",
		". \"$1/bin/activate\" && open-webui serve",
		"set -eu; . \"$1/bin/activate\"; python -m open_webui serve",
		". \"$1/bin/activate\"; deactivate; . \"$1/bin/activate\"; exec open-webui serve",
	};
	FakeSite *fake = *state;

	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		expect_refusal("sh", scripts[i], fake->site.environment);
		expect_refusal("bash", scripts[i], fake->site.environment);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(block_turns_the_folder_into_a_link),
		FAKE_TEST(block_can_be_repeated),
		FAKE_TEST(block_goes_on_from_a_prepared_link),
		FAKE_TEST(block_completes_a_half_made_stub),
		FAKE_TEST(block_leaves_what_lies_in_the_way),
		FAKE_TEST(block_of_another_run_is_refused),
		FAKE_TEST(unfold_brings_the_folder_back),
		FAKE_TEST(unfold_before_any_block_changes_nothing),
		FAKE_TEST(unfold_takes_a_prepared_link_away),
		FAKE_TEST(unfold_without_the_old_environment_is_refused),
		FAKE_TEST(point_needs_the_stub_and_a_complete_release),
		FAKE_TEST(a_later_upgrade_and_its_undo_replace_the_link),
		FAKE_TEST(a_stub_in_use_is_not_removed),
		FAKE_TEST(what_is_no_environment_is_said),
		FAKE_TEST(every_way_to_start_reaches_the_stub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
