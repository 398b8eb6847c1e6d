#include "unit.h"

#include "fake_webui.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/text.h"
#include "config/launcher_words.h"
#include "os/process_table.h"
#include "service/prewarm.h"
#include "service/server_process.h"
#include "service/service.h"

#define PACKAGES "env/lib/python3/site-packages/"

/* A site whose environment has a library or two, and its release. */
typedef struct Early {
	FakeSite *fake;
	Release release;
	PrewarmSpec spec;
	char *modules;
} Early;

static void list(Early *early, const char *names)
{
	fake_file(early->fake, "modules", names, 0600);
}

static int set_up(void **state)
{
	Early *early = NEW(Early);
	FakeSite *fake = fake_site_new(fake_free_port());
	AUTO(free_auto) char *packages = fake_path(fake, PACKAGES);

	early->fake = fake;
	early->modules = fake_path(fake, "modules");
	early->release = (Release){
		.version = str_dup("0.8.0"),
		.path = fake_path(fake, "env"),
		.python = fake_path(fake, "env/bin/python"),
	};
	early->spec = (PrewarmSpec){.site = &fake->site,
		.release = &early->release,
		.modules = early->modules,
		.needed_kb = 1,
		.timeout_ms = 10000};
	fake_set(fake, "PYTHONPATH", packages);
	fake_set(fake, "PYTHONDONTWRITEBYTECODE", "1");
	fake_file(fake, PACKAGES "one/__init__.py", "import one.two\n", 0644);
	fake_file(fake, PACKAGES "one/two.py", "", 0644);
	list(early, "one\none.two\n");
	*state = early;
	return 0;
}

static int tear_down(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};

	early->fake->site.service = SERVICE_RECIPE;
	assert_done(service_stop(&early->fake->site, &err), &err);
	fake_site_free(early->fake);
	release_clear(&early->release);
	free(early->modules);
	free(early);
	return 0;
}

static void answers_on_its_port(const Site *site, pid_t pid)
{
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	assert_done(service_state(site, &seen, &err), &err);
	assert_int_equal(seen.pid, pid);
	assert_true(fake_wait_listening(site->port, true));
	service_state_clear(&seen);
	assert_done(service_state(site, &seen, &err), &err);
	assert_int_equal(seen.pid, pid);
	assert_int_equal(seen.stranger, 0);
}

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

/* ---- the list ---- */

static void a_server_tells_what_it_has_loaded(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *launcher = NULL;
	AUTO(free_auto) char *program = NULL;
	AUTO(free_auto) char *names = NULL;
	Prewarm *prewarm = NULL;
	int ends[2];
	pid_t pid = 0;

	program = str_format("import sys, types, one, open_webui\n"
			     "sys.modules['function_1'] = types.ModuleType('function_1')\n%s",
		fake_program);
	fake_file(early->fake, "env/bin/open-webui", program, 0755);
	fake_file(early->fake, PACKAGES "open_webui/__init__.py", "", 0644);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_done(prewarm_install_launcher(site, &launcher, &err), &err);
	assert_done(
		prewarm_record_argv(site, &early->release, launcher, ends[1], &argv, &err), &err);
	const DaemonSpec spec = {.argv = strlist_argv(&argv),
		.env = strlist_argv(&site->recipe.env),
		.dir = site->recipe.dir,
		.log = site->log_file,
		.uid = geteuid(),
		.gid = getegid(),
		.umask = 022,
		.keep_fd = ends[1]};
	assert_done(proc_daemon(&spec, &pid, NULL, &err), &err);
	close(ends[1]);
	answers_on_its_port(site, pid);
	assert_done(prewarm_record(ends[0], early->modules, &err), &err);
	assert_done(prewarm_record(ends[0], early->modules, &err), &err);
	assert_done(service_stop(site, &err), &err);
	assert_error(prewarm_record(ends[0], early->modules, &err), &err, ERR_IO);
	close(ends[0]);
	names = fake_read(early->fake, "modules");
	assert_string_equal(names, "one.two\none\n\n");
	err_clear(&err);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	assert_done(prewarm_ready(prewarm, &err), &err);
	prewarm_cancel(prewarm);
}

/* ---- equivalence ---- */

/* `serve` and env.py, as far as the settings of a site go: the key is decided before .env is read,
 * .env before libraries are imported. */
static const char dump_program[] =
	"import os, sys\n"
	"if os.getenv('WEBUI_SECRET_KEY') is None and os.path.exists('.webui_secret_key'):\n"
	"    os.environ['WEBUI_SECRET_KEY'] = open('.webui_secret_key').read()\n"
	"import open_webui.env\n"
	"import library\n"
	"import gc, json, resource, signal, threading, time, warnings\n"
	"umask = os.umask(0)\n"
	"os.umask(umask)\n"
	"fds = {fd: os.readlink('/proc/self/fd/' + fd) for fd in os.listdir('/proc/self/fd')\n"
	"       if os.path.exists('/proc/self/fd/' + fd)}\n"
	"def known(names): return sorted(n for n in names if n.split('.')[0] not in sys.stdlib_module_names)\n"
	"state = dict(\n"
	"    environ=dict(os.environ), cwd=os.getcwd(), umask=umask, fds=sorted(fds.values()), nice=os.nice(0),\n"
	"    argv=sys.argv, orig_argv=sys.orig_argv, path=sys.path, flags=repr(sys.flags),\n"
	"    prefix=[sys.prefix, sys.executable], filters=repr(warnings.filters), seen=library.seen,\n"
	"    signals={str(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},\n"
	"    limits=[resource.getrlimit(n) for n in range(16)], modules=known(sys.modules),\n"
	"    main={n: type(v).__name__ for n, v in vars(sys.modules['__main__']).items()},\n"
	"    file=[__file__, getattr(__spec__, 'name', ''), getattr(__loader__, 'path', ''), __name__, repr(__doc__)],\n"
	"    threads=threading.active_count(), gc=[gc.isenabled(), gc.get_threshold()],\n"
	"    recursion=sys.getrecursionlimit(), importers=[type(i).__name__ for i in sys.meta_path],\n"
	"    streams=[s.fileno() for s in (sys.stdin, sys.stdout, sys.stderr)],\n"
	"    buffered=sys.stdout.line_buffering)\n"
	"with open('state.tmp', 'w') as file:\n"
	"    json.dump(state, file, indent=1, sort_keys=True)\n"
	"os.rename('state.tmp', 'state')\n";

static const char env_module[] =
	"import os, dotenv\n"
	"path = os.path.normpath(os.path.join(os.path.dirname(__file__), '../../.env'))\n"
	"if os.path.isfile(path): dotenv.load_dotenv(path)\n"
	"if os.environ.get('OFFLINE_MODE', '').lower() == 'true': os.environ['HF_HUB_OFFLINE'] = '1'\n";

static const char dotenv_module[] = "import os\n"
				    "def load_dotenv(path):\n"
				    "    for line in open(path):\n"
				    "        name, value = line.strip().split('=', 1)\n"
				    "        os.environ.setdefault(name, value)\n";

/* What huggingface_hub and others do: settings are looked at once, filters are added. */
static const char library_module[] =
	"import os, sys, warnings\n"
	"seen = [os.environ.get(n) for n in ('HF_HUB_OFFLINE', 'A_SETTING')] + sys.argv[1:]\n"
	"os.environ.setdefault('SET_BY_LIBRARY', 'yes')\n"
	"warnings.filterwarnings('ignore', message='of the library')\n";

static void fake_webui_of_settings(Early *early)
{
	fake_file(early->fake, "env/bin/open-webui", dump_program, 0755);
	fake_file(early->fake, PACKAGES "open_webui/__init__.py", "", 0644);
	fake_file(early->fake, PACKAGES "open_webui/env.py", env_module, 0644);
	fake_file(early->fake, PACKAGES "open_webui/__main__.py", dump_program, 0644);
	fake_file(early->fake, PACKAGES "dotenv.py", dotenv_module, 0644);
	fake_file(early->fake, PACKAGES "library.py", library_module, 0644);
	list(early, "dotenv\nopen_webui\nopen_webui.env\nlibrary\n");
}

static char *state_written(Early *early, pid_t pid)
{
	AUTO(free_auto) char *path = fake_path(early->fake, "state");
	AUTO(free_auto) char *log = NULL;
	char *text = NULL;
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	log = fake_read(early->fake, "server.log");
	if (status != 0)
		fail_msg("it ended with %d and wrote: %s", status, log);
	text = fake_read(early->fake, "state");
	assert_true(strlen(text) > 100);
	unlink(path);
	return text;
}

static char *state_of_ordinary_start(Early *early)
{
	AUTO(err_clear) Err err = {0};
	AUTO(close_auto) int pidfd = -1;
	pid_t pid = 0;

	assert_done(recipe_start(&early->fake->site.recipe, &pid, &pidfd, &err), &err);
	return state_written(early, pid);
}

static char *state_of_early_start(Early *early)
{
	AUTO(err_clear) Err err = {0};
	Prewarm *prewarm = NULL;
	pid_t pid = 0;

	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	assert_done(prewarm_ready(prewarm, &err), &err);
	assert_done(prewarm_go(prewarm, &pid, &err), &err);
	return state_written(early, pid);
}

static void assert_same_lines(const char *early, const char *ordinary)
{
	AUTO(strlist_clear) StrList a = {0};
	AUTO(strlist_clear) StrList b = {0};

	strlist_split(&a, early, "\n");
	strlist_split(&b, ordinary, "\n");
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		if (!str_is(a.items[i], b.items[i]))
			fail_msg("early: %s, ordinary: %s", a.items[i], b.items[i]);
	}
	assert_int_equal(a.len, b.len);
}

static void settings_are_those_of_an_ordinary_start(void **state)
{
	static const struct {
		const char *env;      /* variables of the recipe */
		const char *env_file; /* .env */
		const char *key_file;
		const char *part; /* what both must have */
	} rows[] = {
		{"", NULL, "from-file", "\"WEBUI_SECRET_KEY\": \"from-file\""},
		{"", "WEBUI_SECRET_KEY=from-dotenv\n", "from-file",
			"\"WEBUI_SECRET_KEY\": \"from-file\""},
		{"", "WEBUI_SECRET_KEY=from-dotenv\n", NULL,
			"\"WEBUI_SECRET_KEY\": \"from-dotenv\""},
		{"WEBUI_SECRET_KEY=given", "WEBUI_SECRET_KEY=from-dotenv\n", "from-file",
			"\"WEBUI_SECRET_KEY\": \"given\""},
		{"OFFLINE_MODE=true", NULL, NULL, "\"HF_HUB_OFFLINE\": \"1\""},
		{"", "OFFLINE_MODE=True\nA_SETTING=dotenv\n", NULL, "\"HF_HUB_OFFLINE\": \"1\""},
		{"OFFLINE_MODE=false HF_HUB_OFFLINE=0", "A_SETTING=x\nHF_HUB_OFFLINE=1\n", NULL,
			"\"HF_HUB_OFFLINE\": \"0\""},
		{"A_SETTING=recipe PYTHONUNBUFFERED=1", "A_SETTING=dotenv\nSET_BY_LIBRARY=no\n",
			NULL, "\"A_SETTING\": \"recipe\""},
	};
	Early *early = *state;
	AUTO(free_auto) char *key_file = fake_path(early->fake, ".webui_secret_key");
	AUTO(free_auto) char *env_file = fake_path(early->fake, "env/lib/python3/.env");
	AUTO(strlist_clear) StrList before = {0};

	env_unset(&early->fake->site.recipe.env, "WEBUI_SECRET_KEY");
	strlist_add_all(&before, &early->fake->site.recipe.env);
	fake_webui_of_settings(early);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free_auto) char *ordinary = NULL;
		AUTO(free_auto) char *warm = NULL;
		StrList *env = &early->fake->site.recipe.env;

		strlist_clear(env);
		strlist_add_all(env, &before);
		strlist_split(env, rows[i].env, " ");
		unlink(key_file);
		unlink(env_file);
		if (rows[i].key_file)
			fake_file(early->fake, ".webui_secret_key", rows[i].key_file, 0600);
		if (rows[i].env_file)
			fake_file(early->fake, "env/lib/python3/.env", rows[i].env_file, 0600);
		ordinary = state_of_ordinary_start(early);
		warm = state_of_early_start(early);
		assert_part(ordinary, rows[i].part);
		assert_same_lines(warm, ordinary);
	}
}

static void its_process_is_that_of_an_ordinary_start(void **state)
{
	const char *const shapes[] = {"env/bin/open-webui", "./env/bin/../bin/open-webui", "-m"};
	ProcLimit limit = {.resource = 7 /* RLIMIT_NOFILE */, .soft = 200, .hard = 300};
	Early *early = *state;
	Recipe *recipe = &early->fake->site.recipe;

	fake_webui_of_settings(early);
	recipe->umask = 027;
	recipe->ignored_signals = 1 | 2; /* HUP as nohup leaves it, INT as `&` of a shell does */
	recipe->limits = mem_new(1, sizeof limit);
	recipe->limits[0] = limit;
	recipe->limit_count = 1;
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		AUTO(free_auto) char *ordinary = NULL;
		AUTO(free_auto) char *warm = NULL;

		if (i) {
			strlist_clear(&recipe->argv);
			strlist_add(&recipe->argv, early->release.python);
			strlist_add(&recipe->argv, shapes[i]);
			strlist_split(&recipe->argv,
				str_is(shapes[i], "-m") ? "open_webui serve" : "serve", " ");
		}
		if (i == 1)
			recipe->ignored_signals = 0;
		ordinary = state_of_ordinary_start(early);
		warm = state_of_early_start(early);
		assert_same_lines(warm, ordinary);
	}
}

/* ---- what cannot be started early ---- */

static void expect_why(Early *early, const char *part)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *why = NULL;

	assert_done(prewarm_possible(&early->spec, &why, &err), &err);
	if (part)
		assert_part(why, part);
	else if (why)
		fail_msg("%s", why);
}

static void use_words(Early *early, const char *words)
{
	StrList *argv = &early->fake->site.recipe.argv;

	strlist_clear(argv);
	strlist_split(argv, words, " ");
}

static void only_known_commands_are_started_early(void **state)
{
	static const struct {
		const char *words; /* E: the environment */
		bool possible;
	} rows[] = {
		{"python -m open_webui serve", true},
		{"/usr/bin/python3.11 -m uvicorn open_webui.main:app --port 81", true},
		{"env/bin/python env/bin/open-webui serve", true},
		{"env/bin/python ./env/bin/open-webui serve --host ::", true},
		{"env/bin/python /usr/bin/open-webui serve", false},
		{"env/bin/python open-webui serve", false},
		{"env/bin/python env/bin/open-webui dev", false},
		{"env/bin/python -X dev env/bin/open-webui serve", false},
		{"env/bin/python -u env/bin/open-webui serve", false},
		{"env/bin/python -m uvicorn open_webui.main:app --workers 2", false},
		{"env/bin/python -m uvicorn open_webui.main:app --reload", false},
		{"env/bin/python -m gunicorn open_webui.main:app", false},
		{"env/bin/python -c x serve", false},
		{"bash -c open-webui serve", false},
		{"env/bin/python", false},
	};
	Early *early = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		use_words(early, rows[i].words);
		expect_why(early, rows[i].possible ? NULL : "a command of another kind");
	}
	use_words(early, "env/bin/python env/bin/open-webui serve");
}

static void settings_that_forbid_it_are_named(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;

	expect_why(early, NULL);
	site->service = SERVICE_SYSTEMD;
	expect_why(early, "systemd");
	site->service = SERVICE_RECIPE;
	site->webui.workers = 3;
	expect_why(early, "3 workers");
	site->webui.workers = 1;
	fake_set(early->fake, "USE_CUDA_DOCKER", "True");
	expect_why(early, "USE_CUDA_DOCKER");
	env_unset(&site->recipe.env, "USE_CUDA_DOCKER");
	early->spec.modules = "/nowhere";
	expect_why(early, "listed the modules");
	early->spec.modules = NULL;
	expect_why(early, "listed the modules");
	early->spec.modules = early->modules;
	early->spec.needed_kb = (int64_t)1 << 40;
	expect_why(early, "of memory");
}

/* The recorded start is only that of the running server while both are the same. */
static void a_script_must_be_that_of_the_running_server(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};
	Recipe recipe = {0};

	fake_script(early->fake, "nohup $RUN > server.log 2>&1 &", 0755);
	expect_why(early, "no server is running");
	usleep(30000); /* the kernel tells the begin of a process to 10 ms */
	assert_done(service_start(site, &err), &err);
	assert_done(service_state(site, &seen, &err), &err);
	expect_why(early, "not that of the running server");
	assert_done(recipe_of_process(seen.pid, &recipe, &err), &err);
	recipe_clear(&site->recipe);
	site->recipe = recipe;
	expect_why(early, NULL);
	fake_script(early->fake, "nohup $RUN > server.log 2>&1 &", 0755);
	expect_why(early, "the start script was changed");
	assert_done(service_stop(site, &err), &err);
	fake_script(early->fake, "$RUN 2>&1 | cat > server.log &", 0755);
	usleep(30000);
	assert_done(service_start(site, &err), &err);
	service_state_clear(&seen);
	assert_done(service_state(site, &seen, &err), &err);
	site->recipe.pid = seen.pid;
	site->recipe.start_ticks = seen.start_ticks;
	expect_why(early, "does not go to one file");
}

static void the_next_release_is_called_by_the_environment(void **state)
{
	Early *early = *state;
	Site *site = &early->fake->site;
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *words = NULL;
	AUTO(free_auto)
	char *old = fake_path(early->fake, "env.releases/0.7.2/bin/open-webui");
	AUTO(process_clear) Process seen = {0};
	AUTO(prewarm_cancel_auto) Prewarm *prewarm = NULL;

	fake_file(early->fake, "env.releases/0.7.2/bin/open-webui", "", 0755);
	str_replace(&site->recipe.argv.items[1], old);
	assert_done(prewarm_start(&early->spec, &prewarm, &err), &err);
	assert_done(process_read(prewarm_pid(prewarm), &seen, &err), &err);
	assert_string_equal(seen.argv.items[0], early->release.python);
	assert_true(str_ends(seen.argv.items[5], "/env/bin/open-webui"));
	assert_done(prewarm_record_argv(site, &early->release, "/l", 7, &argv, &err), &err);
	words = strlist_join(&argv, " ");
	assert_part(words, "/env/bin/python /l record 7 ");
	assert_part(words, "/env/bin/open-webui serve --port ");
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
		ROW(a_server_tells_what_it_has_loaded),
		ROW(settings_are_those_of_an_ordinary_start),
		ROW(its_process_is_that_of_an_ordinary_start),
		ROW(only_known_commands_are_started_early),
		ROW(settings_that_forbid_it_are_named),
		ROW(a_script_must_be_that_of_the_running_server),
		ROW(the_next_release_is_called_by_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
