/* The promises of journal/journal.h. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "in_memory.h"
#include "journal/journal.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"

static char folder[32];
static char *path;

static int make_folder(void **state UNUSED)
{
	snprintf(folder, sizeof folder, "%s/belay-journal-XXXXXX", in_memory());
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

	assert_done(journal_open(path, "main", &journal, &err), &err);
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

	assert_done(journal_open(path, "main", &journal, &err), &err);
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

	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	assert_done(journal_fact_set(journal, id, "to.version", "0.7.2", &err), &err);
	assert_done(journal_fact_set(journal, id, "to.version", "0.8.0", &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_INTENT, 0, &err), &err);
	assert_done(journal_note(journal, id, "block-start", PHASE_INTENT, 0, &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_DONE, 1200, &err), &err);
	journal_close(journal);

	assert_done(journal_open_read(path, "main", &journal, &err), &err);
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

	assert_done(journal_open_read(path, "main", &journal, &err), &err);
	assert_null(journal);
	assert_false(file_exists(path));
}

/* A site's history: a run that ended, and one that did not. Everything is in the one file. */
static void write_history(void)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *open = NULL;
	AUTO(json_release_auto) json_t *result = json_pack("{s:s}", "outcome", "upgraded");
	Journal *journal;

	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	assert_done(journal_fact_set(journal, id, "to.version", "0.8.0", &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_INTENT, 0, &err), &err);
	assert_done(journal_note(journal, id, "stop-service", PHASE_DONE, 1200, &err), &err);
	assert_done(journal_run_end(journal, id, "upgraded", 0, result, &err), &err);
	assert_done(journal_run_begin(journal, "rollback", &open, &err), &err);
	assert_done(journal_fact_set(journal, open, "live.id", "16384", &err), &err);
	assert_done(journal_note(journal, open, "block-start", PHASE_INTENT, 0, &err), &err);
	journal_close(journal);
}

/* Everything that belay would act upon, as one text; NULL when the journal is refused. */
static char *read_history(Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(run_list_clear) RunList runs = {0};
	Text all = TEXT_INIT(65536);

	if (!journal_open_read(path, "main", &journal, err))
		return NULL;
	assert_non_null(journal);
	assert_done(journal_runs(journal, 10, &runs, err), err);
	for (size_t i = 0; i < runs.len; i++) {
		AUTO(free_auto) char *version = NULL;
		AUTO(free_auto) char *live = NULL;
		const Run *run = &runs.items[i];
		StepTime *times;
		size_t count;

		assert_done(journal_fact(journal, run->id, "to.version", &version, err), err);
		assert_done(journal_fact(journal, run->id, "live.id", &live, err), err);
		assert_done(journal_steps(journal, run->id, &times, &count, err), err);
		text_addf(&all, "%s %s %s %s %s\n", run->id, run->command,
			run->outcome ? run->outcome : "-", version ? version : "-",
			live ? live : "-");
		for (size_t j = 0; j < count; j++)
			text_addf(&all, " %s %s\n", times[j].step, phase_name(times[j].phase));
		step_times_free(times, count);
	}
	return text_take(&all);
}

/* Wherever a disk or a memory flips a bit, the journal is refused, or says what it said before. */
static void a_flipped_bit_never_changes_what_it_says(void **state UNUSED)
{
	const char *every = getenv("BELAY_TEST_ALL_BITS");
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *before = NULL;
	AUTO(free_auto) char *bytes = NULL;
	size_t len, refused = 0;

	write_history();
	before = read_history(&err);
	assert_part(before, "upgraded 0.8.0");
	assert_done(file_read(path, 1 << 20, &bytes, &len, &err), &err);
	for (size_t bit = 0; bit < len * 8; bit += every ? 1 : 331) {
		AUTO(err_clear) Err refusal = {0};
		AUTO(close_auto) int fd = open(path, O_WRONLY | O_CLOEXEC);
		const char flipped = (char)(bytes[bit / 8] ^ (1 << bit % 8));

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
		AUTO(free_auto) char *after = read_history(&refusal);
		if (after && strcmp(before, after) != 0)
			fail_msg("bit %zu is believed:\n%s\ninstead of:\n%s", bit, after, before);
		if (!after)
			assert_int_equal(refusal.kind, ERR_PERSON);
		refused += !after;
		assert_int_equal(pwrite(fd, bytes + bit / 8, 1, (off_t)(bit / 8)), 1);
	}
	assert_true(refused > 0);
	AUTO(free_auto) char *again = read_history(&err);
	assert_string_equal(again, before);
}

static void damage_nothing(void)
{
}

static void damage_text(void)
{
	AUTO(err_clear) Err err = {0};

	assert_done(file_write_text(path, "this is not a database, and it is long enough to be one",
			    0600, &err),
		&err);
}

static void damage_cut_to(off_t size)
{
	assert_int_equal(truncate(path, size), 0);
}

static void damage_empty(void)
{
	damage_cut_to(0);
}

static void damage_half(void)
{
	damage_cut_to(8192);
}

static void damage_header(void)
{
	damage_cut_to(16);
}

static void damage_folder(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void damage_pipe(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void damage_sql(const char *script)
{
	AUTO(err_clear) Err err = {0};
	AUTO(sql_close_auto) Sql *sql = NULL;

	assert_done(sql_open(path, SQL_CREATE, 0, &sql, &err), &err);
	assert_done(sql_script(sql, script, &err), &err);
}

static void damage_newer(void)
{
	damage_sql("PRAGMA user_version = 2");
}

static void damage_older(void)
{
	damage_sql("PRAGMA user_version = 0");
}

static void damage_missing_table(void)
{
	damage_sql("DROP TABLE fact");
}

static void damage_other_table(void)
{
	damage_sql("CREATE TABLE other (x)");
}

static void damage_row(void)
{
	damage_sql("DELETE FROM fact WHERE run = ''; UPDATE run SET outcome = 'upgraded'");
}

static void damage_edited(void)
{
	damage_sql("UPDATE run SET outcome = 'undone', ended_ms = 1 WHERE outcome IS NULL");
}

static void damage_foreign(void)
{
	assert_int_equal(unlink(path), 0);
	damage_sql("CREATE TABLE run (id TEXT, command TEXT, outcome TEXT); CREATE TABLE chat (x)");
}

static void damage_foreign_empty(void)
{
	assert_int_equal(unlink(path), 0);
	damage_sql("VACUUM");
}

static void damage_other_site(void)
{
	AUTO(err_clear) Err err = {0};
	Journal *journal;

	assert_int_equal(unlink(path), 0);
	assert_done(journal_open(path, "other", &journal, &err), &err);
	journal_close(journal);
}

/* What a crash, a disk, a person, a foreign program or a newer belay may leave: no action follows
 * from it, whether it is opened to read or to write. */
static void a_journal_that_is_not_ours_is_refused(void **state UNUSED)
{
	static const struct {
		const char *promise;
		void (*damage)(void);
		const char *part; /* of the message; NULL: it is whole */
	} cases[] = {
		{"nothing", damage_nothing, NULL},
		{"text instead of a database", damage_text, "cannot be read"},
		{"an empty file", damage_empty, "is empty"},
		{"half a header", damage_header, "cannot be read"},
		{"its first two pages", damage_half, "no action is taken"},
		{"a folder in its place", damage_folder, "is not a file"},
		{"a pipe in its place", damage_pipe, "is not a file"},
		{"a newer belay", damage_newer, "newer belay"},
		{"a version that was never there", damage_older, "is damaged"},
		{"a table is gone", damage_missing_table, "is damaged"},
		{"a table too many", damage_other_table, "is damaged"},
		{"rows changed and gone", damage_row, "is damaged"},
		{"the unfinished run ended by hand", damage_edited, "is damaged"},
		{"a database of another program", damage_foreign, "not a journal of belay"},
		{"an empty database", damage_foreign_empty, "is empty"},
		{"another site's", damage_other_site, "is that of site 'other'"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(err_clear) Err cleanup = {0};

		print_message("%s\n", cases[i].promise);
		assert_done(tree_remove(folder, &cleanup), &cleanup);
		assert_done(dir_make(folder, 0700, &cleanup), &cleanup);
		write_history();
		cases[i].damage();
		for (int write = 0; write < 2; write++) {
			AUTO(journal_close_auto) Journal *journal = NULL;
			const bool opened = write ? journal_open(path, "main", &journal, &err)
						  : journal_open_read(path, "main", &journal, &err);

			assert_int_equal(opened, cases[i].part == NULL);
			if (opened)
				continue;
			assert_int_equal(err.kind, ERR_PERSON);
			assert_part(err.text, cases[i].part);
			err_clear(&err);
		}
	}
}

/* Killed while it made the journal: nothing had begun, and the next run makes it. */
static void a_journal_half_made_is_made_again(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *half = str_format("%s.new", path);
	AUTO(journal_close_auto) Journal *journal = NULL;

	assert_done(file_write_text(half, "SQLite", 0600, &err), &err);
	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_false(file_exists(half));
}

/* ---- a journal that is lost or cannot be written while it is open ---- */

static void asked_for_a_run_that_never_was(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(journal_close_auto) Journal *journal = NULL;
	Run run = {0};

	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_error(journal_run(journal, "20200101-000000-upgrade", &run, &err), &err, ERR_USAGE);
	assert_part(err.text, "there is no run '20200101-000000-upgrade'");
	assert_string_equal(err.hint, "belay history");
	err_clear(&err);
	assert_error(journal_run_end(journal, "20200101-000000-upgrade", "upgraded", 0, NULL, &err),
		&err, ERR_USAGE);
}

typedef struct Asked {
	const char *question;
	bool (*ask)(Journal *, const char *id, Err *);
	const char *part;
} Asked;

static bool ask_begin(Journal *journal, const char *id UNUSED, Err *err)
{
	AUTO(free_auto) char *new = NULL;

	return journal_run_begin(journal, "upgrade", &new, err);
}

static bool ask_end(Journal *journal, const char *id, Err *err)
{
	return journal_run_end(journal, id, "upgraded", 0, NULL, err);
}

static bool ask_runs(Journal *journal, const char *id UNUSED, Err *err)
{
	RunList list = {0};

	return journal_runs(journal, 10, &list, err);
}

static bool ask_note(Journal *journal, const char *id, Err *err)
{
	return journal_note(journal, id, "swap-database", PHASE_INTENT, 0, err);
}

static bool ask_phase(Journal *journal, const char *id, Err *err)
{
	Phase phase;

	return journal_phase(journal, id, "swap-database", &phase, err);
}

static bool ask_steps(Journal *journal, const char *id, Err *err)
{
	StepTime *times;
	size_t count;

	return journal_steps(journal, id, &times, &count, err);
}

static bool ask_fact_set(Journal *journal, const char *id, Err *err)
{
	return journal_fact_set(journal, id, "to.version", "0.8.0", err);
}

static bool ask_fact(Journal *journal, const char *id, Err *err)
{
	AUTO(free_auto) char *value = NULL;

	return journal_fact(journal, id, "to.version", &value, err);
}

static const Asked asked[] = {
	{"begin", ask_begin, "journal"},
	{"end", ask_end, "journal"},
	{"runs", ask_runs, "reading the journal"},
	{"note", ask_note, "writing 'intent' of step 'swap-database' into the journal"},
	{"phase", ask_phase, "reading the journal"},
	{"steps", ask_steps, "reading the journal"},
	{"set", ask_fact_set, "writing 'to.version' into the journal"},
	{"fact", ask_fact, "reading 'to.version' from the journal"},
};

/* Somebody took its tables away while a run had it open. */
static void each_question_to_a_lost_journal_is_an_error(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *id = NULL;

	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	assert_done(journal_run_end(journal, id, "upgraded", 0, NULL, &err), &err);
	damage_sql("ALTER TABLE run RENAME TO a; ALTER TABLE phase RENAME TO b;"
		   "ALTER TABLE fact RENAME TO c");
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		if (asked[i].ask(journal, id, &err))
			fail_msg("%s: no error", asked[i].question);
		assert_part(err.text, asked[i].part);
		err_clear(&err);
	}
}

static bool full_disk(
	bool (*ask)(Journal *, const char *, Err *), Journal *journal, const char *id, Err *err)
{
	bool done;

	setenv("BELAY_FAULT", "full@sql-run", 1);
	fault_restart();
	done = ask(journal, id, err);
	unsetenv("BELAY_FAULT");
	return done;
}

/* Whatever is written says so, and the run is still what it was. */
static void each_line_that_finds_the_disk_full_is_an_error(void **state UNUSED)
{
	static const struct {
		bool (*ask)(Journal *, const char *, Err *);
		const char *part;
	} rows[] = {
		{ask_note, "writing 'intent' of step 'swap-database' into the journal"},
		{ask_fact_set, "writing 'to.version' into the journal"},
		{ask_end, "writing the end of the run into the journal"},
		{ask_begin, "writing the journal"},
	};
	AUTO(err_clear) Err err = {0};
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(run_clear) Run run = {0};
	bool any;

	assert_done(journal_open(path, "main", &journal, &err), &err);
	assert_done(journal_run_begin(journal, "upgrade", &id, &err), &err);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		/* One run at a time: the next begins after this one. */
		if (rows[i].ask == ask_begin)
			assert_done(ask_end(journal, id, &err), &err);
		assert_error(full_disk(rows[i].ask, journal, id, &err), &err, ERR_NO_SPACE);
		assert_part(err.text, rows[i].part);
		err_clear(&err);
		assert_done(journal_unfinished(journal, &run, &any, &err), &err);
		assert_int_equal(any, rows[i].ask != ask_begin);
		run_clear(&run);
	}
}

/* Each effect of making one fails in turn: an error, and the next try makes it. */
static void a_journal_that_cannot_be_made_is_made_the_next_time(void **state UNUSED)
{
	bool reached = true;

	for (int n = 1; reached; n++) {
		AUTO(err_clear) Err err = {0};
		AUTO(journal_close_auto) Journal *journal = NULL;
		char wish[24];

		snprintf(wish, sizeof wish, "fail:%d", n);
		setenv("BELAY_FAULT", wish, 1);
		fault_restart();
		reached = !journal_open(path, "main", &journal, &err);
		unsetenv("BELAY_FAULT");
		if (reached) {
			assert_int_equal(err.kind, ERR_IO);
			assert_null(journal);
			err_clear(&err);
			assert_done(journal_open(path, "main", &journal, &err), &err);
		} else {
			assert_true(n > 5);
		}
		assert_int_equal(unlink(path), 0);
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
		T(a_flipped_bit_never_changes_what_it_says),
		T(a_journal_that_is_not_ours_is_refused),
		T(a_journal_half_made_is_made_again),
		T(asked_for_a_run_that_never_was),
		T(each_question_to_a_lost_journal_is_an_error),
		T(each_line_that_finds_the_disk_full_is_an_error),
		T(a_journal_that_cannot_be_made_is_made_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
