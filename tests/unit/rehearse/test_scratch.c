/* What belongs to a rehearsal goes, and nothing else: on a SQLite site, where a place is a file. */
#include "rehearse/scratch.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/process_table.h"
#include "os/tree.h"
#include "rehearse/rehearse.h"
#include "unit.h"

#define RUN "20261123-134812-rehearse"

typedef struct Home {
	char folder[64];
	Site site;
	Database *db;
} Home;

static char *in(const Home *home, const char *below)
{
	return path_join(home->folder, below);
}

static void put(const Home *home, const char *below, const char *text)
{
	AUTO(free_auto) char *path = in(home, below);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, 0644, &err), &err);
}

static Home *home_new(void)
{
	Home *home = NEW(Home);
	AUTO(err_clear) Err err = {0};

	strcpy(home->folder, "/tmp/belay-test-XXXXXX");
	assert_non_null(mkdtemp(home->folder));
	put(home, "data/webui.db", "the live one");
	put(home, "env/pyvenv.cfg", "");
	home->site.environment = in(home, "env");
	home->site.state_dir = in(home, "state");
	home->site.start_directory = str_dup(home->folder);
	home->site.recipe.uid = geteuid();
	home->site.recipe.gid = getegid();
	home->site.database.kind = DATABASE_SQLITE;
	home->site.database.scheme = str_dup("sqlite");
	home->site.database.name = in(home, "data/webui.db");
	assert_done(database_open(&home->site, &home->db, &err), &err);
	return home;
}

static void home_free(Home *home)
{
	AUTO(err_clear) Err err = {0};

	database_close(home->db);
	assert_done(tree_remove(home->folder, &err), &err);
	free(home->site.environment);
	free(home->site.state_dir);
	free(home->site.start_directory);
	free(home->site.database.scheme);
	free(home->site.database.name);
	free(home);
}

static void open_scratch(Home *home, Scratch *ret)
{
	AUTO(err_clear) Err err = {0};

	assert_done(scratch_open(&home->site, home->db, RUN, NULL, ret, &err), &err);
}

/* The record as another process would have written it. */
static void change_record(const Scratch *scratch, const char *key, int64_t value)
{
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *changed = NULL;
	AUTO(err_clear) Err err = {0};
	size_t len;

	assert_done(file_read(scratch->record, 65536, &text, &len, &err), &err);
	assert_done(json_parse(text, len, 65536, &record, &err), &err);
	json_put_int(record, key, value);
	changed = json_line(record);
	assert_done(file_write_text(scratch->record, changed, 0600, &err), &err);
}

static void sweep(Home *home)
{
	AUTO(err_clear) Err err = {0};

	assert_done(rehearse_sweep(&home->site, home->db, &err), &err);
}

static void assert_there(const char *path, bool wanted)
{
	if ((file_kind(path) != FILE_ABSENT) != wanted)
		fail_msg("'%s' is %s", path, wanted ? "gone" : "still there");
}

static void assert_live_is_untouched(const Home *home)
{
	AUTO(free_auto) char *live = in(home, "data/webui.db");

	assert_there(live, true);
}

static void test_record_comes_before_the_folder_and_goes_last(void **state)
{
	Home *home = home_new();
	AUTO(scratch_clear) Scratch scratch = {0};
	AUTO(err_clear) Err err = {0};
	struct stat about;

	(void)state;
	open_scratch(home, &scratch);
	assert_there(scratch.record, true);
	assert_part(scratch.folder, "env.releases/.rehearsal-" RUN);
	assert_int_equal(stat(scratch.folder, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0700);
	assert_part(scratch.place, scratch.data_dir);
	assert_done(file_write_text(scratch.place, "x", 0600, &err), &err);
	assert_done(scratch_remove(&scratch, home->db, &err), &err);
	assert_there(scratch.folder, false);
	assert_there(scratch.record, false);
	assert_done(scratch_remove(&scratch, home->db, &err), &err);
	assert_live_is_untouched(home);
	home_free(home);
}

static void test_sweep_takes_what_a_killed_run_left(void **state)
{
	Home *home = home_new();
	AUTO(scratch_clear) Scratch scratch = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	open_scratch(home, &scratch);
	assert_done(file_write_text(scratch.place, "x", 0600, &err), &err);
	/* A number that is in use again, by a process that began at another time. */
	change_record(&scratch, "owner", 1);
	change_record(&scratch, "owner_ticks", 999999999);
	sweep(home);
	assert_there(scratch.folder, false);
	assert_there(scratch.record, false);
	assert_live_is_untouched(home);
	home_free(home);
}

static void test_sweep_leaves_a_living_run_alone(void **state)
{
	Home *home = home_new();
	AUTO(scratch_clear) Scratch scratch = {0};
	AUTO(process_clear) Process parent = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	open_scratch(home, &scratch);
	assert_done(process_read(getppid(), &parent, &err), &err);
	change_record(&scratch, "owner", getppid());
	change_record(&scratch, "owner_ticks", (int64_t)parent.start_ticks);
	sweep(home);
	assert_there(scratch.folder, true);
	assert_there(scratch.record, true);
	home_free(home);
}

static void test_sweep_leaves_what_no_record_names(void **state)
{
	Home *home = home_new();
	AUTO(free_auto) char *stranger = in(home, "env.releases/.rehearsal-by-hand/notes");

	(void)state;
	put(home, "env.releases/.rehearsal-by-hand/notes", "mine");
	put(home, "state/rehearsals/0.8.0.json", "{}");
	sweep(home);
	assert_there(stranger, true);
	home_free(home);
}

static void test_sweep_ends_the_recorded_server(void **state)
{
	Home *home = home_new();
	AUTO(scratch_clear) Scratch scratch = {0};
	AUTO(err_clear) Err err = {0};
	const pid_t server = fork();

	(void)state;
	if (server == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(server, server);
	open_scratch(home, &scratch);
	assert_done(scratch_note_server(&scratch, server, &err), &err);
	sweep(home);
	/* Ended and reaped: nobody of that number is a child of ours any more. */
	assert_int_equal(waitpid(server, NULL, WNOHANG), -1);
	assert_there(scratch.record, false);
	home_free(home);
}

static void test_sweep_spares_another_process_of_that_number(void **state)
{
	Home *home = home_new();
	AUTO(scratch_clear) Scratch scratch = {0};
	AUTO(err_clear) Err err = {0};
	const pid_t stranger = fork();

	(void)state;
	if (stranger == 0)
		for (;;)
			pause();
	open_scratch(home, &scratch);
	assert_done(scratch_note_server(&scratch, stranger, &err), &err);
	change_record(&scratch, "server_ticks", 1);
	sweep(home);
	assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0);
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	home_free(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_comes_before_the_folder_and_goes_last),
		cmocka_unit_test(test_sweep_takes_what_a_killed_run_left),
		cmocka_unit_test(test_sweep_leaves_a_living_run_alone),
		cmocka_unit_test(test_sweep_leaves_what_no_record_names),
		cmocka_unit_test(test_sweep_ends_the_recorded_server),
		cmocka_unit_test(test_sweep_spares_another_process_of_that_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
