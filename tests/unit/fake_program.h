/* fake_program.h - what the fake `open-webui` is, and ports for it. */
#pragma once
#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

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
	"server = Server(('127.0.0.1', int(e('FAKE_PORT', port))), Handler)\n"
	"for i in range(int(e('FAKE_WORKERS', '0'))):\n"
	"    if os.fork() == 0: break\n"
	"server.serve_forever()\n";

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
