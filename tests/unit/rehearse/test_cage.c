/* The cage is made of system calls, so it is asked from inside what it can reach. Skipped where the
 * rights do not allow a network namespace. */
#include "rehearse/cage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "unit.h"

#define ANSWER_MS 5000

typedef struct Listener {
	int fd, port;
	pid_t echo; /* a child that sends back what it gets; 0: nobody accepts */
} Listener;

static void echo_main(int fd) __attribute__((noreturn));
static void echo_main(int fd)
{
	for (;;) {
		char bytes[4096];
		int client = accept(fd, NULL, NULL);
		ssize_t got;

		while ((got = read(client, bytes, sizeof bytes)) > 0)
			(void)!write(client, bytes, (size_t)got);
		close(client);
	}
}

static Listener listener_new(bool echoes)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	Listener listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	assert_int_equal(bind(listener.fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener.fd, 8), 0);
	assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&at, &len), 0);
	listener.port = ntohs(at.sin_port);
	if (echoes) {
		listener.echo = fork();
		if (listener.echo == 0)
			echo_main(listener.fd);
	}
	return listener;
}

static void listener_free(Listener *listener)
{
	if (listener->echo > 0) {
		kill(listener->echo, SIGKILL);
		waitpid(listener->echo, NULL, 0);
	}
	close(listener->fd);
}

static DatabaseUrl database_at(int port)
{
	static char host[] = "127.0.0.1";

	return (DatabaseUrl){.kind = DATABASE_POSTGRES, .host = host, .port = port};
}

/* NULL: this test cannot run here. */
static Cage *cage_or_skip(const DatabaseUrl *database)
{
	AUTO(err_clear) Err err = {0};
	Cage *cage = NULL;

	if (!cage_make(database, &cage, &err)) {
		if (strstr(err.text, "no right"))
			skip();
		fail_msg("%s", err.text);
	}
	return cage;
}

typedef struct Visit {
	int port;
	size_t bytes; /* to send and get back */
} Visit;

static int connect_to(int port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static void visit(void *arg, Text *answer)
{
	const Visit *wanted = arg;
	size_t sent = 0, back = 0;
	char bytes[10000];
	int fd = connect_to(wanted->port);

	if (fd < 0) {
		text_add(answer, "refused");
		return;
	}
	while (back < wanted->bytes) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t moved;

		if (sent < wanted->bytes)
			wait.events |= POLLOUT;
		if (poll(&wait, 1, ANSWER_MS) <= 0)
			break;
		if (wait.revents & POLLOUT) {
			size_t left = wanted->bytes - sent;

			for (size_t i = 0; i < sizeof bytes; i++)
				bytes[i] = (char)((sent + i) % 251);
			moved = send(
				fd, bytes, left < sizeof bytes ? left : sizeof bytes, MSG_DONTWAIT);
			sent += moved > 0 ? (size_t)moved : 0;
		}
		if (wait.revents & (POLLIN | POLLHUP)) {
			moved = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
			for (ssize_t i = 0; i < moved; i++)
				if (bytes[i] != (char)((back + (size_t)i) % 251)) {
					text_add(answer, "garbled");
					return;
				}
			if (moved == 0)
				break;
			back += moved > 0 ? (size_t)moved : 0;
		}
	}
	text_addf(answer, "%zu", back);
}

static char *visit_from(const Cage *cage, int port, size_t bytes)
{
	Visit wanted = {.port = port, .bytes = bytes};
	AUTO(err_clear) Err err = {0};
	char *answer = NULL;

	assert_done(cage_call(cage, visit, &wanted, ANSWER_MS * 2, &answer, &err), &err);
	return answer;
}

static void test_only_the_database_is_reached(void **state UNUSED)
{
	Listener database = listener_new(true), model_server = listener_new(false);
	const DatabaseUrl url = database_at(database.port);
	AUTO(cage_close_auto) Cage *cage = cage_or_skip(&url);
	AUTO(free_auto) char *to_database = visit_from(cage, database.port, 5);
	AUTO(free_auto) char *to_model = visit_from(cage, model_server.port, 0);
	AUTO(free_auto) char *from_outside = visit_from(NULL, model_server.port, 0);

	assert_string_equal(to_database, "5");
	assert_string_equal(to_model, "refused");
	/* The listener was there: it is the cage that kept us from it. */
	assert_string_equal(from_outside, "0");
	listener_free(&database);
	listener_free(&model_server);
}

static void test_relay_loses_nothing(void **state UNUSED)
{
	Listener database = listener_new(true);
	const DatabaseUrl url = database_at(database.port);
	AUTO(cage_close_auto) Cage *cage = cage_or_skip(&url);

	for (int i = 0; i < 3; i++) {
		AUTO(free_auto) char *back = visit_from(cage, database.port, 3000000);

		assert_string_equal(back, "3000000");
	}
	listener_free(&database);
}

static void test_sqlite_needs_no_way_out(void **state UNUSED)
{
	Listener model_server = listener_new(false);
	const DatabaseUrl url = {.kind = DATABASE_SQLITE};
	AUTO(cage_close_auto) Cage *cage = cage_or_skip(&url);
	AUTO(free_auto) char *answer = visit_from(cage, model_server.port, 0);

	assert_string_equal(answer, "refused");
	listener_free(&model_server);
}

static void test_dead_database_is_said(void **state UNUSED)
{
	Listener gone = listener_new(false);
	const DatabaseUrl url = database_at(gone.port);
	AUTO(err_clear) Err err = {0};
	Cage *cage = NULL;

	listener_free(&gone);
	assert_error(cage_make(&url, &cage, &err), &err, ERR_NETWORK);
	assert_null(cage);
}

static void hang(void *arg UNUSED, Text *answer UNUSED)
{
	pause();
}

static void test_call_has_a_limit(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	char *answer = NULL;

	assert_error(cage_call(NULL, hang, NULL, 50, &answer, &err), &err, ERR_TIMEOUT);
}

static void test_url_keeps_the_name(void **state UNUSED)
{
	AUTO(free_auto) char *same = cage_url(NULL, "postgresql://u@db.example:5432/webui");

	assert_string_equal(same, "postgresql://u@db.example:5432/webui");
	assert_int_equal(cage_fd(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_database_is_reached),
		cmocka_unit_test(test_relay_loses_nothing),
		cmocka_unit_test(test_sqlite_needs_no_way_out),
		cmocka_unit_test(test_dead_database_is_said),
		cmocka_unit_test(test_call_has_a_limit),
		cmocka_unit_test(test_url_keeps_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
