#include "unit.h"

#include "early_site.h"

#include <sys/wait.h>

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
	"import atexit, gc, json, locale, logging, multiprocessing, resource, signal, socket, threading, time, warnings\n"
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
	"    oom=open('/proc/self/oom_score_adj').read(), scheduler=os.sched_getscheduler(0),\n"
	"    user=[os.getresuid(), os.getresgid(), os.getgroups()],\n"
	"    session=[os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],\n"
	"    status=[l for l in open('/proc/self/status')\n"
	"            if l.split(':')[0] in ('SigBlk', 'SigIgn', 'SigCgt', 'NoNewPrivs', 'Seccomp', 'CapEff')],\n"
	"    hooks=[repr(sys.excepthook), repr(threading.excepthook)], exits=atexit._ncallbacks(),\n"
	"    loggers={n: [l.level, l.propagate, len(l.handlers)] for n, l in\n"
	"             [('', logging.root), ('library', logging.getLogger('library'))]},\n"
	"    locale=locale.setlocale(locale.LC_ALL), timeout=socket.getdefaulttimeout(),\n"
	"    method=multiprocessing.get_start_method(allow_none=True),\n"
	"    limits=[resource.getrlimit(n) for n in range(16)], modules=known(sys.modules),\n"
	"    main={n: type(v).__name__ for n, v in vars(sys.modules['__main__']).items()},\n"
	"    file=[__file__, getattr(__spec__, 'name', ''), getattr(__loader__, 'path', ''), __name__, repr(__doc__)],\n"
	"    threads=threading.active_count(), gc=[gc.isenabled(), gc.get_threshold()],\n"
	"    recursion=sys.getrecursionlimit(), importers=[type(i).__name__ for i in sys.meta_path],\n"
	"    streams=[s.fileno() for s in (sys.stdin, sys.stdout, sys.stderr)],\n"
	"    buffered=sys.stdout.line_buffering)\n"
	"signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
	"with open('state.tmp', 'w') as file:\n"
	"    json.dump(state, file, indent=1, sort_keys=True)\n"
	"os.rename('state.tmp', 'state')\n"
	"signal.sigwait([signal.SIGTERM])\n";

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
	"import atexit, logging\n"
	"logging.getLogger('library').setLevel(logging.ERROR)\n"
	"logging.getLogger('library').addHandler(logging.NullHandler())\n"
	"atexit.register(print, end='')\n"
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

	for (int tries = 0; tries < 1000 && access(path, F_OK) != 0; tries++)
		usleep(10000);
	kill(pid, SIGTERM);
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
	recipe->priority = (ProcPriority){.known = true, .nice = 5, .oom_score_adj = 345};
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
		assert_part(warm, "\"nice\": 5");
		assert_part(warm, "\"oom\": \"345\\n\"");
		assert_same_lines(warm, ordinary);
	}
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(a_server_tells_what_it_has_loaded),
		ROW(settings_are_those_of_an_ordinary_start),
		ROW(its_process_is_that_of_an_ordinary_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
