#include "unit.h"

#include "fake_webui.h"

#include "base/text.h"
#include "service/service.h"

/* A systemctl that keeps one unit in a folder: `run` is how it starts, `active` and `pid` its
 * state. */
static const char fake_systemctl[] =
	"#!/bin/bash\n"
	"cd \"$(dirname \"$0\")\"\n"
	"echo \"$*\" >> calls\n"
	"[ \"$1\" = --user ] && shift\n"
	"pid=$(cat pid 2> /dev/null)\n"
	"active=$(cat active 2> /dev/null || echo inactive)\n"
	"if [ \"$active\" = active ] && ! kill -0 \"$pid\" 2> /dev/null; then active=$(cat then); fi\n"
	"case $1 in\n"
	"show)\n"
	"  [ -e broken ] && { echo 'Failed to connect to bus' >&2; exit 1; }\n"
	"  [ \"$2\" = webui.service ] || { echo LoadState=not-found; echo ActiveState=inactive; exit; }\n"
	"  [ \"$active\" = active ] || pid=0\n"
	"  printf 'MainPID=%s\\nLoadState=loaded\\nActiveState=%s\\nSubState=%s\\nResult=exit-code\\n' "
	"$pid $active running ;;\n"
	"start) . ./run; echo $! > pid; echo active > active; echo failed > then ;;\n"
	"stop) [ -e deaf ] || kill $pid; echo inactive > then ;;\n"
	"kill) kill -KILL $pid; echo failed > then ;;\n"
	"reset-failed) [ \"$active\" = failed ] && echo inactive > active; rm -f pid; exit 0 ;;\n"
	"esac\n";

static int set_up(void **state)
{
	FakeSite *fake = fake_site_new(fake_free_port());
	AUTO(free_auto) char *run = strlist_join(&fake->site.recipe.argv, " ");
	AUTO(free_auto) char *line = str_format("%s >> ../server.log 2>&1 &\n", run);
	AUTO(free_auto) char *path = str_format("%s/bin:/usr/bin:/bin", fake->folder);

	fake_file(fake, "bin/systemctl", fake_systemctl, 0755);
	fake_file(fake, "bin/run", line, 0644);
	setenv("PATH", path, 1);
	fake->site.service = SERVICE_SYSTEMD;
	fake->site.unit = str_dup("webui.service");
	*state = fake;
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

static void a_unit_starts_and_stops(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};
	AUTO(free_auto) char *local = NULL;
	AUTO(free_auto) char *is = service_describe(&fake->site, &local);
	AUTO(free_auto) char *calls = NULL;

	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	assert_done(service_state(&fake->site, &seen, &err), &err);
	assert_true(seen.pid > 0);
	assert_string_equal(seen.unit_state, "active (running)");
	assert_done(service_stop(&fake->site, &err), &err);
	service_state_clear(&seen);
	assert_done(service_state(&fake->site, &seen, &err), &err);
	assert_int_equal(seen.pid, 0);
	assert_string_equal(is, "systemd unit webui.service");
	calls = fake_read(fake, "bin/calls");
	assert_part(calls, "start --no-block webui.service");
	assert_part(calls, "stop --no-block webui.service");
	assert_null(strstr(calls, "kill"));
}

static void a_deaf_unit_is_killed_and_not_left_failed(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *calls = NULL;

	fake_file(fake, "bin/deaf", "", 0644);
	fake->site.stop_timeout_ms = 100;
	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	assert_done(service_stop(&fake->site, &err), &err);
	calls = fake_read(fake, "bin/calls");
	assert_part(calls, "kill --signal=KILL webui.service");
	assert_part(strstr(calls, "kill --signal"), "reset-failed webui.service");
}

static void a_shell_around_the_server_is_looked_through(void **state)
{
	FakeSite *fake = *state;
	AUTO(free_auto) char *run = strlist_join(&fake->site.recipe.argv, " ");
	AUTO(free_auto) char *line = str_format("bash -c '%s; true' > /dev/null 2>&1 &\n", run);
	AUTO(free_auto) char *pid = NULL;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	fake_file(fake, "bin/run", line, 0644);
	assert_done(service_start(&fake->site, &err), &err);
	assert_true(fake_wait_listening(fake->site.port, true));
	assert_done(service_state(&fake->site, &seen, &err), &err);
	pid = fake_read(fake, "bin/pid");
	assert_true(seen.pid > atoi(pid));
	assert_int_equal(seen.stranger, 0);
}

static void what_systemd_says_is_passed_on(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	fake_file(fake, "bin/run", "echo boom >> ../server.log; false &\nwait $!\n", 0644);
	fake->site.start_timeout_ms = 500;
	assert_error(service_start(&fake->site, &err), &err, ERR_EXEC);
	assert_part(err.text, "boom");
	assert_part(err.hint, "journalctl -u webui.service");
	str_replace(&fake->site.unit, "other.service");
	assert_error(service_state(&fake->site, &seen, &err), &err, ERR_CONFIG);
	assert_part(err.text, "systemd knows no unit 'other.service'");
	fake_file(fake, "bin/broken", "", 0644);
	assert_error(service_state(&fake->site, &seen, &err), &err, ERR_EXEC);
	assert_part(err.text, "Failed to connect to bus");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(a_unit_starts_and_stops),
		ROW(a_deaf_unit_is_killed_and_not_left_failed),
		ROW(a_shell_around_the_server_is_looked_through),
		ROW(what_systemd_says_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
