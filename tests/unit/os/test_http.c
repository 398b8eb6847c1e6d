#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/http.h"

/* Answers one connection with what it was told to, then leaves. */
typedef struct Server {
	int fd;
	int port;
	const char *answer; /* NULL: silence until the peer goes */
	char asked[2048];
	pthread_t thread;
} Server;

static void *serve(void *arg)
{
	Server *server = arg;
	int peer = accept(server->fd, NULL, NULL);
	ssize_t got = read(peer, server->asked, sizeof server->asked - 1);

	if (server->answer && got > 0)
		got = write(peer, server->answer, strlen(server->answer));
	else
		got = read(peer, server->asked, 1);
	close(peer);
	return NULL;
}

static void server_start(Server *server, const char *socket_path)
{
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	socklen_t len = sizeof four;

	server->fd = socket(socket_path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	if (socket_path) {
		strcpy(local.sun_path, socket_path);
		assert_int_equal(bind(server->fd, (struct sockaddr *)&local, sizeof local), 0);
	} else {
		assert_int_equal(bind(server->fd, (struct sockaddr *)&four, sizeof four), 0);
		getsockname(server->fd, (struct sockaddr *)&four, &len);
		server->port = ntohs(four.sin_port);
	}
	assert_int_equal(listen(server->fd, 4), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_end(Server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
}

#define JSON_ANSWER                                                                                \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"              \
	"Connection: close\r\n\r\n{\"status\":true}"

static void what_came_is_the_answer(void **state)
{
	static const struct {
		const char *answer;
		size_t max;
		int status; /* 0: ERR_NETWORK */
		const char *type, *body;
	} rows[] = {
		{JSON_ANSWER, 100, 200, "application/json", "{\"status\":true}"},
		{JSON_ANSWER, 15, 200, "application/json", "{\"status\":true}"},
		{JSON_ANSWER, 14, 0, "longer than", NULL},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
			100, 302, "", ""},
		{"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", 100, 503, "", "no"},
		{NULL, 100, 0, "timed out", NULL},
	};
	(void)state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(http_answer_clear) HttpAnswer answer = {0};
		AUTO(free_auto) char *url = NULL;
		Server server = {.answer = rows[i].answer};

		server_start(&server, NULL);
		url = str_format("http://127.0.0.1:%d/x", server.port);
		const HttpRequest request = {.url = url,
			.timeout_ms = rows[i].answer ? 5000 : 100,
			.max_bytes = rows[i].max,
			.use_proxy = true};
		if (rows[i].status) {
			assert_done(http_ask(&request, &answer, &err), &err);
			assert_int_equal(answer.status, rows[i].status);
			assert_string_equal(answer.content_type, rows[i].type);
			assert_string_equal(answer.body, rows[i].body);
		} else {
			assert_error(http_ask(&request, &answer, &err), &err, ERR_NETWORK);
			assert_part(err.text, rows[i].type);
		}
		server_end(&server);
	}
}

static void a_unix_socket_can_be_asked(void **state)
{
	char folder[] = "/tmp/belay-test-XXXXXX";
	AUTO(err_clear) Err err = {0};
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(free_auto) char *path = NULL;
	Server server = {.answer = JSON_ANSWER};
	(void)state;

	assert_non_null(mkdtemp(folder));
	path = str_format("%s/s", folder);
	server_start(&server, path);
	const HttpRequest request = {.url = "http://docker/containers/json",
		.unix_socket = path,
		.method = "POST",
		.body = "{}",
		.headers = (const char *const[]){"X-One: 1", NULL},
		.timeout_ms = 5000,
		.max_bytes = 1000};
	assert_done(http_ask(&request, &answer, &err), &err);
	server_end(&server);
	unlink(path);
	rmdir(folder);
	assert_part(server.asked, "POST /containers/json HTTP/1.1");
	assert_part(server.asked, "X-One: 1");
	assert_true(str_ends(server.asked, "\r\n\r\n{}"));
}

static void nobody_there_is_an_error_that_hides_the_password(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	const HttpRequest request = {
		.url = "http://user:geheim12@127.0.0.1:1/", .timeout_ms = 2000, .max_bytes = 10};
	const HttpRequest file = {.url = "file:///etc/passwd", .timeout_ms = 2000, .max_bytes = 10};
	(void)state;

	assert_error(http_ask(&request, &answer, &err), &err, ERR_NETWORK);
	assert_null(strstr(err.text, "geheim12"));
	assert_error(http_ask(&file, &answer, &err), &err, ERR_NETWORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_is_the_answer),
		cmocka_unit_test(a_unix_socket_can_be_asked),
		cmocka_unit_test(nobody_there_is_an_error_that_hides_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
