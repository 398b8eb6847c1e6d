/* fake_webui.h - a site in a scratch folder whose `open-webui serve` is a few lines of Python, for
 * the tests of service/ and gate/. What it answers is told by FAKE_… variables of the recipe. */
#pragma once
#include <arpa/inet.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/site.h"
#include "os/file.h"
#include "os/tree.h"

static const char fake_program[] =
	"import http.server, json, os, signal, socket, sys, time\n"
	"e = os.environ.get\n"
	"port = int(sys.argv[sys.argv.index('--port') + 1])\n"
	"print('Started server process', flush=True)\n"
	"if e('FAKE_IGNORE_TERM'): signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
	"time.sleep(float(e('FAKE_DELAY', '0')))\n"
	"if e('FAKE_MODULE'): sys.path.insert(0, e('FAKE_MODULE')); import _asyncio\n"
	"if e('FAKE_SAY'): print(e('FAKE_SAY'), file=sys.stderr, flush=True)\n"
	"if e('FAKE_DIE'): sys.exit(3)\n"
	"def busy(until):\n"
	"    while time.time() < until: pass\n"
	"busy(time.time() + float(e('FAKE_BUSY', '0')))\n"
	"class Handler(http.server.BaseHTTPRequestHandler):\n"
	"    def log_message(self, *a): pass\n"
	"    def do_GET(self):\n"
	"        kind, body = 'application/json', None\n"
	"        if self.path == '/health': body = {'status': e('FAKE_SICK') is None}\n"
	"        if self.path == '/api/version': body = {'version': e('FAKE_VERSION', '0.8.0')}\n"
	"        if self.path == '/api/config':\n"
	"            body = {'onboarding': True} if e('FAKE_EMPTY') else {'status': True}\n"
	"        if self.path == '/ready' and e('FAKE_READY'): body = {'status': e('FAKE_READY') == 'yes'}\n"
	"        status = 503 if self.path == '/ready' and e('FAKE_READY') == 'no' else 200\n"
	"        if body is None: kind, body = 'text/html', '<html></html>'\n"
	"        else: body = json.dumps(body)\n"
	"        self.send_response(status)\n"
	"        self.send_header('Content-Type', kind)\n"
	"        self.send_header('Content-Length', str(len(body)))\n"
	"        self.end_headers()\n"
	"        self.wfile.write(body.encode())\n"
	"class Server(http.server.ThreadingHTTPServer):\n"
	"    allow_reuse_address = True\n"
	"    daemon_threads = True\n"
	"    def server_bind(self): http.server.socketserver.TCPServer.server_bind(self)\n"
	"if e('FAKE_NO_PORT'):\n"
	"    while True: time.sleep(1)\n"
	"server = Server(('127.0.0.1', port), Handler)\n"
	"for i in range(int(e('FAKE_WORKERS', '0'))):\n"
	"    if os.fork() == 0: break\n"
	"server.serve_forever()\n";

typedef struct FakeSite {
	char folder[64];
	Site site;
} FakeSite;

static inline char *fake_path(const FakeSite *fake, const char *below)
{
	return path_join(fake->folder, below);
}

static inline void fake_file(const FakeSite *fake, const char *below, const char *text, mode_t mode)
{
	AUTO(free_auto) char *path = fake_path(fake, below);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, mode, &err), &err);
	assert_int_equal(chmod(path, mode), 0);
}

/* Free now, and not soon given away again by the kernel. */
static inline int fake_free_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof any;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	getsockname(fd, (struct sockaddr *)&any, &len);
	close(fd);
	return ntohs(any.sin_port);
}

static inline FakeSite *fake_site_new(int port)
{
	FakeSite *fake = NEW(FakeSite);
	Site *site = &fake->site;
	AUTO(free_auto) char *python = NULL;
	AUTO(free_auto) char *program = NULL;
	AUTO(err_clear) Err err = {0};

	strcpy(fake->folder, "/tmp/belay-test-XXXXXX");
	assert_non_null(mkdtemp(fake->folder));
	fake_file(fake, "env/bin/open-webui", fake_program, 0755);
	python = fake_path(fake, "env/bin/python");
	program = fake_path(fake, "env/bin/open-webui");
	assert_int_equal(symlink("/usr/bin/python3", python), 0);
	site->name = str_dup("fake");
	site->environment = fake_path(fake, "env");
	site->state_dir = fake_path(fake, "state");
	site->start_directory = str_dup(fake->folder);
	site->host = str_dup("127.0.0.1");
	site->port = port;
	site->log_file = fake_path(fake, "server.log");
	site->stop_timeout_ms = 1000;
	site->start_timeout_ms = 3000;
	site->service = SERVICE_RECIPE;
	strlist_add(&site->recipe.argv, python);
	strlist_add(&site->recipe.argv, program);
	strlist_add(&site->recipe.argv, "serve");
	strlist_add(&site->recipe.argv, "--port");
	strlist_addf(&site->recipe.argv, "%d", port);
	strlist_add(&site->recipe.env, "PATH=/usr/bin:/bin");
	strlist_add(&site->recipe.env, "WEBUI_SECRET_KEY=t0ps3cr3t-of-test");
	site->recipe.dir = str_dup(fake->folder);
	site->recipe.log = str_dup(site->log_file);
	site->recipe.uid = geteuid();
	site->recipe.gid = getegid();
	site->recipe.umask = 022;
	return fake;
}

static inline void fake_set(FakeSite *fake, const char *name, const char *value)
{
	env_set(&fake->site.recipe.env, name, value);
}

/* A start script that says how it was called and runs `line`; $RUN is the recipe's command. */
static inline void fake_script(FakeSite *fake, const char *line, mode_t mode)
{
	AUTO(free_auto) char *run = strlist_join(&fake->site.recipe.argv, " ");
	AUTO(free_auto) char *text = str_format("#!/bin/bash\nRUN='%s'\n%s\n", run, line);

	fake_file(fake, "start_openwebui.sh", text, mode);
	fake->site.service = SERVICE_SCRIPT;
	free(fake->site.start_script);
	fake->site.start_script = fake_path(fake, "start_openwebui.sh");
}

static inline void fake_site_free(FakeSite *fake)
{
	AUTO(err_clear) Err err = {0};
	Site *site = &fake->site;

	assert_done(tree_remove(fake->folder, &err), &err);
	free(site->name);
	free(site->environment);
	free(site->state_dir);
	free(site->start_directory);
	free(site->host);
	free(site->log_file);
	free(site->start_script);
	free(site->unit);
	recipe_clear(&site->recipe);
	free(fake);
}

static inline char *fake_read(const FakeSite *fake, const char *below)
{
	AUTO(free_auto) char *path = fake_path(fake, below);
	AUTO(err_clear) Err err = {0};
	char *text = NULL;

	return file_read(path, 1 << 20, &text, NULL, &err) ? text : str_dup("");
}

static inline bool fake_wait_listening(int port, bool wanted)
{
	for (int i = 0; i < 300; i++) {
		struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool there = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;

		close(fd);
		if (there == wanted)
			return true;
		usleep(10000);
	}
	return false;
}
