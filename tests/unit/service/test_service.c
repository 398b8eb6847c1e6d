#include "unit.h"

#include "fake_webui.h"

#include "base/text.h"
#include "os/proc.h"
#include "os/process_table.h"
#include "service/log_tail.h"
#include "service/server_process.h"
#include "service/service.h"

static int set_up(void **state)
{
	*state = fake_site_new(fake_free_port());
	return 0;
}

static int tear_down(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};

	fake->site.service = SERVICE_RECIPE;
	assert_done(service_stop(&fake->site, &err), &err);
	fake_site_free(fake);
	return 0;
}

static void is_running(const Site *site, bool wanted)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(err_clear) Err err = {0};

	assert_done(service_state(site, &state, &err), &err);
	assert_int_equal(state.pid != 0, wanted);
	assert_int_equal(state.stranger, 0);
}

static void the_recorded_command_starts_and_stops(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *local = NULL;
	AUTO(free_auto) char *is = service_describe(&fake->site, &local);

	is_running(&fake->site, false);
	assert_done(service_stop(&fake->site, &err), &err);
	assert_done(service_start(&fake->site, &err), &err);
	is_running(&fake->site, true); /* already before it listens */
	assert_true(fake_wait_listening(fake->site.port, true));
	is_running(&fake->site, true);
	assert_done(service_start(&fake->site, &err), &err);
	assert_done(service_stop(&fake->site, &err), &err);
	is_running(&fake->site, false);
	assert_string_equal(is, "the recorded command");
}

static void workers_end_with_their_server(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(process_clear) Process server = {0};
	AUTO(free_auto) pid_t *family = NULL;
	bool found = false;

	fake_set(fake, "FAKE_WORKERS", "2");
	fake_set(fake, "FAKE_IGNORE_TERM", "1");
	fake->site.stop_timeout_ms = 200;
	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	usleep(50000);
	server_find(&fake->site, &server, &found);
	assert_true(found);
	assert_int_equal(server.parent, getpid());
	assert_int_equal(server_family(server.pid, &family), 3);
	assert_done(service_stop(&fake->site, &err), &err);
	for (int i = 0; i < 3; i++) {
		AUTO(process_clear) Process gone = {0};

		assert_error(process_read(family[i], &gone, &err), &err, ERR_VERIFY);
	}
}

/* A release that takes another port than it was told has the data open all the same. */
static void one_that_listens_elsewhere_is_ended(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	const int elsewhere = fake_free_port();
	AUTO(free_auto) char *port = str_format("%d", elsewhere);

	fake_set(fake, "FAKE_PORT", port);
	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(elsewhere, true));
	is_running(&fake->site, true);
	assert_done(service_stop(&fake->site, &err), &err);
	assert_true(fake_wait_listening(elsewhere, false));
}

static void a_script_may_start_it_in_any_way(void **state)
{
	static const struct {
		const char *line;
		mode_t mode;
	} rows[] = {
		{"$RUN", 0755},
		{"$RUN", 0644},
		{"exec $RUN", 0755},
		{"nohup $RUN > server.log 2>&1 &\necho $! > open.pid", 0755},
		{"setsid $RUN > server.log 2>&1 < /dev/null & disown", 0644},
	};
	FakeSite *fake = *state;
	AUTO(free_auto) char *pid_file = fake_path(fake, "open.pid");

	fake->site.recipe.pid_file = str_dup(pid_file);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(service_state_clear) ServiceState seen = {0};
		AUTO(free_auto) char *text = NULL;

		fake_file(fake, "open.pid", "999999\n", 0640);
		fake_script(fake, rows[i].line, rows[i].mode);
		assert_done(service_start(&fake->site, &err), &err);
		assert_done(service_state(&fake->site, &seen, &err), &err);
		assert_true(seen.pid > 0);
		text = fake_read(fake, "open.pid");
		assert_int_equal(atoi(text), seen.pid);
		assert_true(fake_wait_listening(fake->site.port, true));
		assert_done(service_stop(&fake->site, &err), &err);
		is_running(&fake->site, false);
	}
}

static void a_script_that_fails_says_why(void **state)
{
	static const struct {
		const char *line;
		ErrKind kind;
		const char *part;
	} rows[] = {
		{"echo old news; echo no such module >&2; exit 3", ERR_EXEC,
			"failed with status 3: it wrote: old news | no such module"},
		{"exit 1", ERR_EXEC, "failed with status 1: it wrote nothing"},
		{"kill -9 $$", ERR_EXEC, "was ended by signal 9"},
		{"sleep 30", ERR_TIMEOUT, "did not start the server in time"},
		{"true", ERR_EXEC, "ended and left no server running"},
	};
	FakeSite *fake = *state;

	fake_file(fake, "server.log", "from an earlier run\n", 0600);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};

		fake->site.start_timeout_ms = 200;
		fake_script(fake, rows[i].line, 0755);
		assert_error(service_start(&fake->site, &err), &err, rows[i].kind);
		assert_part(err.text, rows[i].part);
		assert_null(strstr(err.text, "earlier"));
	}
}

static void a_script_gets_the_recipe_without_the_shell(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *log = NULL;

	fake_set(fake, "SHLVL", "7");
	fake_set(fake, "OLDPWD", "/elsewhere");
	fake_set(fake, "KEPT", "yes");
	fake->site.recipe.umask = 027;
	fake_script(fake, "echo $KEPT $SHLVL $OLDPWD $(umask) $PWD; exit 1", 0755);
	assert_error(service_start(&fake->site, &err), &err, ERR_EXEC);
	log = fake_read(fake, "server.log");
	assert_part(log, "yes 1 0027 /tmp/belay-test-");
}

static void a_stranger_on_the_port_is_left_alone(void **state)
{
	FakeSite *fake = *state;
	FakeSite *other = fake_site_new(fake->site.port);
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	assert_done(service_start(&other->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	assert_done(service_state(&fake->site, &seen, &err), &err);
	assert_int_equal(seen.pid, 0);
	assert_true(seen.stranger > 0);
	assert_part(seen.stranger_is, "env/bin/python");
	assert_error(service_stop(&fake->site, &err), &err, ERR_REFUSED);
	assert_error(service_start(&fake->site, &err), &err, ERR_REFUSED);
	assert_part(err.text, "not this site's server");
	is_running(&other->site, true);
	assert_done(service_stop(&other->site, &err), &err);
	fake_site_free(other);
}

static void another_server_of_the_host_is_not_ours(void **state)
{
	FakeSite *fake = *state;
	FakeSite *other = fake_site_new(fake_free_port());
	AUTO(err_clear) Err err = {0};

	assert_done(service_start(&other->site, &err), &err);
	assert_true(fake_wait_listening(other->site.port, true));
	is_running(&fake->site, false);
	assert_done(service_stop(&fake->site, &err), &err);
	is_running(&other->site, true);
	assert_done(service_stop(&other->site, &err), &err);
	fake_site_free(other);
}

static void one_that_comes_back_is_named(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};
	AUTO(free_auto) char *stop = fake_path(fake, "stop");

	fake_script(fake, "until [ -e stop ]; do $RUN; done", 0755);
	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	assert_error(service_stop(&fake->site, &err), &err, ERR_VERIFY);
	assert_part(err.text, "again");
	fake_file(fake, "stop", "", 0644);
}

static void argv_tells_a_server(void **state)
{
	static const struct {
		const char *argv;
		bool webui;
		int port;
	} rows[] = {
		{"/e/bin/python /e/bin/open-webui serve", true, 8080},
		{"/e/bin/python3.11 /e/bin/open-webui serve --port 3000", true, 3000},
		{"python -m open_webui serve --port=81 --host ::", true, 81},
		{"/e/bin/python /e/bin/uvicorn open_webui.main:app --port 8081", true, 8081},
		{"/e/bin/python -m uvicorn open_webui.main:app", true, 8000},
		{"/e/bin/python -c x --multiprocessing-fork", true, 8080},
		{"/bin/bash -c open-webui serve", false, 8080},
		{"vim /e/bin/open-webui serve", false, 8080},
		{"/e/bin/python -m alembic -c alembic.ini upgrade head", false, 8080},
		{"/e/bin/python /e/bin/open-webui mfa reset", false, 8080},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(process_clear) Process process = {0};

		strlist_split(&process.argv, rows[i].argv, " ");
		assert_int_equal(process_is_webui(&process), rows[i].webui);
		assert_int_equal(process_port_asked(&process), rows[i].port);
	}
}

static void log_words_are_the_last_ones(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *words = NULL;
	int64_t from;

	fake_file(fake, "server.log", "one\n", 0600);
	from = log_size(fake->site.log_file);
	fake_file(fake, "server.log", "one\ntwo\n\nthr\x1b[31mee\nfour\n", 0600);
	words = log_words_since(fake->site.log_file, from, 2);
	assert_string_equal(words, "thr [31mee | four");
	fake_file(fake, "server.log", "x\n", 0600);
	free(TAKE(words));
	words = log_words_since(fake->site.log_file, from, 2);
	assert_string_equal(words, "x");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(the_recorded_command_starts_and_stops),
		ROW(workers_end_with_their_server),
		ROW(one_that_listens_elsewhere_is_ended),
		ROW(a_script_may_start_it_in_any_way),
		ROW(a_script_that_fails_says_why),
		ROW(a_script_gets_the_recipe_without_the_shell),
		ROW(a_stranger_on_the_port_is_left_alone),
		ROW(another_server_of_the_host_is_not_ours),
		ROW(one_that_comes_back_is_named),
		cmocka_unit_test(argv_tells_a_server),
		ROW(log_words_are_the_last_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
