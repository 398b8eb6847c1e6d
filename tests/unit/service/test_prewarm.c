#include "unit.h"

#include "early_site.h"

#include <signal.h>
#include <sys/wait.h>

#include "config/launcher_words.h"
#include "service/server_process.h"

static void is_no_server(const Site *site)
{
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	assert_done(service_state(site, &seen, &err), &err);
	assert_int_equal(seen.pid, 0);
}

static void it_waits_and_then_is_the_server(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(recipe_clear) Recipe recipe = {0};
	AUTO(free_auto) char *is = NULL;
	AUTO(free_auto) char *pid_file = NULL;
	AUTO(free_auto) char *recorded = strlist_join(&site->recipe.argv, " ");
	AUTO(free_auto) char *shown = NULL;
	Prewarm *prewarm = NULL;
	pid_t pid = 0;

	site->recipe.pid_file = fake_path(early->fake, "open.pid");
	fake_file(early->fake, "open.pid", "1\n", 0640);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	is_no_server(site);
	assert_done(prewarm_ready(prewarm, &err), &err);
	assert_true(prewarm_pid(prewarm) > 0);
	is_no_server(site);
	/* Stopping the server leaves alone what waits for its place. */
	assert_done(service_stop(site, &err), &err);
	assert_done(prewarm_go(prewarm, &pid, &err), &err);
	answers_on_its_port(site, pid);
	assert_done(recipe_of_process(pid, &recipe, &err), &err);
	shown = strlist_join(&recipe.argv, " ");
	assert_string_equal(shown, recorded);
	is = process_describe(pid);
	assert_part(is, "bin/open-webui");
	pid_file = fake_read(early->fake, "open.pid");
	assert_int_equal(atoi(pid_file), pid);
	assert_done(service_stop(site, &err), &err);
	is_no_server(site);
}

/* The words that a site's own `pkill -f`, `pgrep` look for. */
static void the_sites_own_scripts_find_it(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(process_clear) Process seen = {0};
	AUTO(free_auto) char *shown = NULL;
	Prewarm *prewarm = NULL;
	pid_t pid = 0;

	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	assert_done(process_read(prewarm_pid(prewarm), &seen, &err), &err);
	assert_string_equal(seen.name, LAUNCHER_WAITING);
	assert_true(launcher_words_in(&seen.argv));
	process_clear(&seen);
	assert_done(prewarm_go(prewarm, &pid, &err), &err);
	answers_on_its_port(&early->fake->site, pid);
	assert_done(process_read(pid, &seen, &err), &err);
	shown = strlist_join(&seen.argv, " ");
	assert_part(shown, "/env/bin/open-webui serve");
	assert_string_equal(seen.name, "open-webui");
	assert_int_equal(seen.ignored_signals & 1, 0);
}

static void assert_gone(pid_t pid)
{
	AUTO(err_clear) Err err = {0};
	AUTO(process_clear) Process gone = {0};

	assert_error(process_read(pid, &gone, &err), &err, ERR_VERIFY);
}

static void cancelled_it_has_touched_nothing(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *log = NULL;
	Prewarm *prewarm = NULL;
	pid_t pid;

	prewarm_cancel(NULL);
	for (int ready = 0; ready < 2; ready++) {
		assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
		if (ready)
			assert_done(prewarm_ready(prewarm, &err), &err);
		pid = prewarm_pid(prewarm);
		prewarm_cancel(prewarm);
		assert_gone(pid);
	}
	log = fake_read(early->fake, "server.log");
	assert_string_equal(log, "");
}

/* Somebody else takes our part and is killed; returns a pidfd of what it had started. */
static int killed_after_start(Early *early, bool ready)
{
	AUTO(err_clear) Err err = {0};
	AUTO(process_clear) Process process = {0};
	int ends[2], pidfd;
	pid_t pid = 0, child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		Prewarm *prewarm = NULL;

		if (prewarm_start(&early->spec, &prewarm, &err) &&
			(!ready || prewarm_ready(prewarm, &err)))
			pid = prewarm_pid(prewarm);
		if (write(ends[1], &pid, sizeof pid) == sizeof pid)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &pid, sizeof pid), sizeof pid);
	close(ends[0]);
	close(ends[1]);
	assert_true(pid > 0);
	assert_done(process_read(pid, &process, &err), &err);
	pidfd = process_open(pid, process.start_ticks);
	assert_true(process_alive(pidfd));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return pidfd;
}

static void it_leaves_when_belay_is_killed(void **state)
{
	Early *early = *state;
	AUTO(close_auto) int waiting = killed_after_start(early, true);
	AUTO(close_auto) int importing = -1;
	AUTO(free_auto) char *late = fake_path(early->fake, "late");

	assert_true(process_wait_gone(waiting, 1000));
	fake_file(early->fake, PACKAGES "slow.py", "import time; time.sleep(0.2)\n", 0644);
	fake_file(early->fake, PACKAGES "late.py", "open('late', 'w')\n", 0644);
	list(early, "slow\nlate\n");
	importing = killed_after_start(early, false);
	assert_true(process_wait_gone(importing, 2000));
	assert_false(file_exists(late));
}

static void what_goes_wrong_is_said(void **state)
{
	static const struct {
		const char *module;
		ErrKind kind;
		const char *part;
	} rows[] = {
		{"import nothing_like_it\n", ERR_VERIFY, "bad:ModuleNotFoundError"},
		{"raise SystemExit(3)\n", ERR_VERIFY, "bad:SystemExit"},
		{"raise KeyboardInterrupt\n", ERR_VERIFY, "bad:KeyboardInterrupt"},
		{"import os; print('dying', flush=True); os._exit(3)\n", ERR_EXEC,
			"ended by itself: it wrote: dying"},
		{"import os; os.kill(os.getpid(), 15)\n", ERR_EXEC, "ended by itself"},
		{"import time; time.sleep(30)\n", ERR_TIMEOUT, "not imported in time"},
	};
	Early *early = *state;

	list(early, "one\nbad\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(prewarm_cancel_auto) Prewarm *prewarm = NULL;

		early->spec.timeout_ms = rows[i].kind == ERR_TIMEOUT ? 150 : 10000;
		fake_file(early->fake, PACKAGES "bad.py", rows[i].module, 0644);
		assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
		assert_error(prewarm_ready(prewarm, &err), &err, rows[i].kind);
		assert_part(err.text, rows[i].part);
		if (rows[i].kind == ERR_TIMEOUT)
			assert_int_equal(kill(prewarm_pid(prewarm), SIGTERM), 0);
	}
}

static void one_ended_while_it_waited_is_noticed(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	Early *early = *state;

	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		AUTO(err_clear) Err err = {0};
		Prewarm *prewarm = NULL;
		siginfo_t about;
		pid_t pid = 0;

		assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
		assert_done(prewarm_ready(prewarm, &err), &err);
		assert_int_equal(kill(prewarm_pid(prewarm), signals[i]), 0);
		assert_int_equal(
			waitid(P_PID, (id_t)prewarm_pid(prewarm), &about, WEXITED | WNOWAIT), 0);
		assert_int_equal(about.si_status, signals[i]);
		assert_error(prewarm_go(prewarm, &pid, &err), &err, ERR_EXEC);
		assert_int_equal(pid, 0);
	}
}

static void it_does_not_run_the_script_of_another_release(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *other = fake_path(early->fake, "env.releases/0.7.2");
	Prewarm *prewarm = NULL;
	pid_t pid = 0, early_pid;

	fake_file(early->fake, "env.releases/0.7.2/bin/open-webui", "", 0755);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	early_pid = prewarm_pid(prewarm);
	str_replace(&early->fake->site.environment, other);
	assert_error(prewarm_go(prewarm, &pid, &err), &err, ERR_VERIFY);
	assert_gone(early_pid);
}

/* belay as root, with a root's careful umask, and lists in a folder that only root can look into.
 */
static void the_sites_user_reads_what_it_needs(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(prewarm_cancel_auto) Prewarm *prewarm = NULL;
	AUTO(process_clear) Process seen = {0};
	Recipe *recipe = &early->fake->site.recipe;
	mode_t before;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(early->fake->folder, 0755), 0);
	fake_file(early->fake, "server.log", "", 0666);
	recipe->uid = recipe->gid = 65534;
	before = umask(077);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	umask(before);
	assert_done(prewarm_ready(prewarm, &err), &err);
	assert_done(process_read(prewarm_pid(prewarm), &seen, &err), &err);
	assert_int_equal(seen.uid, 65534);
	assert_int_equal(seen.group_count, 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(it_waits_and_then_is_the_server),
		ROW(the_sites_own_scripts_find_it),
		ROW(cancelled_it_has_touched_nothing),
		ROW(it_leaves_when_belay_is_killed),
		ROW(what_goes_wrong_is_said),
		ROW(one_ended_while_it_waited_is_noticed),
		ROW(it_does_not_run_the_script_of_another_release),
		ROW(the_sites_user_reads_what_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
