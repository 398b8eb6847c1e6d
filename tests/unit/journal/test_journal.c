/* The promises of journal/journal.h. */
#include "unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "journal/journal.h"
#include "os/file.h"
#include "os/tree.h"

static char folder[32];
static char *path;

static int make_folder(void **state UNUSED)
{
	strcpy(folder, "/tmp/belay-journal-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path = path_join(folder, "journal.db");
	return 0;
}

static int remove_folder(void **state UNUSED)
{
	Err err = {0};

	free(path);
	return tree_remove(folder, &err) ? 0 : -1;
}

static void a_run_is_unfinished_until_it_is_ended(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *second = NULL;
	AUTO(json_release_auto) json_t *result = json_pack("{s:s}", "outcome", "upgraded");
	Run run = {0};
	bool any;

	assert_done(journal_open(path, &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	assert_part(id, "-upgrade");
	assert_error(journal_run_begin(journal, "upgrade", &second, &err), &err, ERR_PERSON);
	assert_part(err.hint, "belay resume");
	err_clear(&err);
	assert_done(journal_run_end(journal, id, "upgraded", 0, result, &err), &err);
	assert_done(journal_unfinished(journal, &run, &any, &err), &err);
	assert_false(any);
	assert_done(journal_last(journal, "upgraded", &run, &any, &err), &err);
	assert_true(any);
	assert_string_equal(run.id, id);
	assert_string_equal(json_str(run.result, "outcome"), "upgraded");
	run_clear(&run);
}

static void two_runs_in_one_second_have_two_ids(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *first = NULL;
	AUTO(free_auto) char *second = NULL;

	assert_done(journal_open(path, &journal, &err), &err);
	assert_done(journal_run_begin(journal, "backup", &first, &err), &err);
	assert_done(journal_run_end(journal, first, "backed-up", 0, NULL, &err), &err);
	assert_done(journal_run_begin(journal, "backup", &second, &err), &err);
	assert_string_not_equal(first, second);
}

static void facts_and_phases_survive_closing(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *value = NULL;
	AUTO(free_auto) char *absent = NULL;
	Journal *journal;
	StepTime *times;
	size_t count;
	Phase phase;

	assert_done(journal_open(path, &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	assert_done(journal_fact_set(journal, id, "to.version", "0.7.2", &err), &err);
	assert_done(journal_fact_set(journal, id, "to.version", "0.8.0", &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_INTENT, 0, &err), &err);
	assert_done(journal_note(journal, id, "block-start", PHASE_INTENT, 0, &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_DONE, 1200, &err), &err);
	journal_close(journal);

	assert_done(journal_open_read(path, &journal, &err), &err);
	assert_done(journal_fact(journal, id, "to.version", &value, &err), &err);
	assert_string_equal(value, "0.8.0");
	assert_done(journal_fact(journal, id, "nothing", &absent, &err), &err);
	assert_null(absent);
	assert_done(journal_phase(journal, id, "stop-service", &phase, &err), &err);
	assert_int_equal(phase, PHASE_DONE);
	assert_done(journal_steps(journal, id, &times, &count, &err), &err);
	assert_int_equal(count, 2);
	assert_string_equal(times[0].step, "stop-service");
	assert_int_equal(times[0].ms, 1200);
	assert_int_equal(times[1].phase, PHASE_INTENT);
	step_times_free(times, count);
	journal_close(journal);
}

static void no_journal_yet_is_no_error_for_readers(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	Journal *journal = (Journal *)1;

	assert_done(journal_open_read(path, &journal, &err), &err);
	assert_null(journal);
	assert_false(file_exists(path));
}

/* What a crash, a foreign program or a newer belay may leave: no action follows from it. */
static void a_journal_that_is_not_ours_is_refused(void **state UNUSED)
{
	static const struct {
		const char *promise, *content;
		size_t len;
	} cases[] = {
		{"text instead of a database",
			"this is not a database, and is long enough to be seen as one", 60},
		{"half a header", "SQLite format 3", 16},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(journal_close_auto) Journal *journal = NULL;

		assert_done(file_write(path, cases[i].content, cases[i].len, 0600, &err), &err);
		if (journal_open(path, &journal, &err))
			fail_msg("accepted: %s", cases[i].promise);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
		T(a_run_is_unfinished_until_it_is_ended),
		T(two_runs_in_one_second_have_two_ids),
		T(facts_and_phases_survive_closing),
		T(no_journal_yet_is_no_error_for_readers),
		T(a_journal_that_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
