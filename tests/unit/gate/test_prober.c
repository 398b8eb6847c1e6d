#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "gate/prober.h"

typedef enum { GOOD, NO_DATABASE, A_PAGE, SILENT, ENDED } Mood;

/* One site of four moods. Its account of itself bounds what the prober may have seen. */
typedef struct Server {
	int fd, port, held;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	Mood mood;
	int answers[ENDED]; /* in that mood, since it was set */
	int64_t first_bad_ms, good_after_ms;
	bool kept_open; /* a question came on a connection that was used before */
} Server;

static const char *answer_of(Mood mood, const char *asked)
{
	const bool page = strstr(asked, "GET /api/config ") != NULL;

	if (mood == A_PAGE)
		return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
	if (mood == NO_DATABASE && page)
		return "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno";
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
	       "{\"status\":true}";
}

/* Under the lock. */
static void note(Server *server, Mood mood)
{
	const int64_t now = clock_mono_ms();

	server->answers[mood]++;
	if (mood != GOOD && !server->first_bad_ms)
		server->first_bad_ms = now;
	if (mood == GOOD && server->first_bad_ms && !server->good_after_ms)
		server->good_after_ms = now;
	pthread_cond_broadcast(&server->changed);
}

static void serve_one(Server *server, int peer)
{
	char asked[2048] = "";
	const ssize_t got = read(peer, asked, sizeof asked - 1);
	Mood mood;

	if (got <= 0) {
		close(peer);
		return;
	}
	pthread_mutex_lock(&server->lock);
	mood = server->mood;
	if (mood == NO_DATABASE && !strstr(asked, "GET /api/config "))
		mood = ENDED; /* /health is fine meanwhile */
	else if (mood != ENDED)
		note(server, mood);
	pthread_mutex_unlock(&server->lock);
	if (mood == SILENT) {
		server->held = peer;
		return;
	}
	const char *answer = answer_of(mood, asked);

	if (write(peer, answer, strlen(answer)) != (ssize_t)strlen(answer))
		mood = ENDED;
	/* The prober must be the one to close: a server waits for those who stay. */
	while (read(peer, asked, sizeof asked) > 0)
		server->kept_open = true;
	close(peer);
}

static void *serve(void *arg)
{
	Server *server = arg;
	int peer;

	while ((peer = accept(server->fd, NULL, NULL)) >= 0)
		serve_one(server, peer);
	return NULL;
}

static void server_start(Server *server)
{
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof four;

	*server = (Server){.held = -1};
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&four, sizeof four), 0);
	getsockname(server->fd, (struct sockaddr *)&four, &len);
	server->port = ntohs(four.sin_port);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Be so until `count` questions met it. */
static void be(Server *server, Mood mood, int count)
{
	pthread_mutex_lock(&server->lock);
	server->mood = mood;
	memset(server->answers, 0, sizeof server->answers);
	while (server->answers[mood] < count)
		pthread_cond_wait(&server->changed, &server->lock);
	pthread_mutex_unlock(&server->lock);
}

/* Those who wait for an answer get the end of the connection, as from a server that is killed. */
static void let_go(Server *server)
{
	if (server->held >= 0)
		close(server->held);
	server->held = -1;
}

static void server_end(Server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	let_go(server);
}

static Prober *probe(const Server *server)
{
	const Site site = {.host = (char *)"127.0.0.1", .port = server->port};
	AUTO(err_clear) Err err = {0};
	Prober *prober = NULL;

	assert_done(prober_start(&site, &prober, &err), &err);
	return prober;
}

static void a_dark_time_is_what_lies_between_two_good_answers(void **state)
{
	static const Mood bad[] = {NO_DATABASE, A_PAGE, SILENT};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		Server server;
		ProbeFigures figures;
		Prober *prober;
		int64_t began = clock_mono_ms();

		server_start(&server);
		prober = probe(&server);
		prober_users(prober, PROBE_NOBODY);
		be(&server, GOOD, 2);
		be(&server, bad[i], bad[i] == SILENT ? 1 : 3);
		pthread_mutex_lock(&server.lock);
		server.mood = GOOD;
		pthread_mutex_unlock(&server.lock);
		let_go(&server);
		be(&server, GOOD, 3);
		prober_end(prober, &figures);
		server_end(&server);
		assert_true(figures.known);
		assert_false(server.kept_open);
		assert_true(figures.failed >= 1 && figures.asked > figures.failed);
		assert_true(figures.dark_ms >= server.good_after_ms - server.first_bad_ms);
		assert_true(figures.dark_ms <= clock_mono_ms() - began);
		assert_int_equal(figures.longest_ms, figures.dark_ms);
		assert_int_equal(figures.read_only_ms, 0);
	}
}

static void read_only_is_answered_time_in_which_saving_is_refused(void **state)
{
	Server server;
	ProbeFigures figures;
	Prober *prober;
	int64_t most, began, before, after;
	(void)state;

	server_start(&server);
	prober = probe(&server);
	be(&server, GOOD, 2);
	began = clock_mono_ms();
	prober_users(prober, PROBE_READERS);
	before = clock_mono_ms();
	be(&server, GOOD, 5);
	after = clock_mono_ms();
	prober_users(prober, PROBE_WORKING);
	most = clock_mono_ms() - began;
	be(&server, GOOD, 3);
	prober_end(prober, &figures);
	server_end(&server);
	assert_int_equal(figures.dark_ms, 0);
	assert_int_equal(figures.failed, 0);
	assert_in_range(figures.read_only_ms, after - before, most);
}

static void a_site_that_never_answered_tells_nothing(void **state)
{
	Server server;
	ProbeFigures figures;
	Prober *prober;
	(void)state;

	server_start(&server);
	server.mood = NO_DATABASE;
	prober = probe(&server);
	/* The fourth is asked for only when the third was taken in. */
	be(&server, NO_DATABASE, 4);
	prober_end(prober, &figures);
	server_end(&server);
	assert_false(figures.known);
	assert_int_equal(figures.dark_ms, 0);
	assert_true(figures.failed >= 3);
}

/* The question in the air is dropped: the run does not wait for its answer, which has 5 s. */
static void the_end_does_not_wait_for_an_answer(void **state)
{
	Server server;
	ProbeFigures figures;
	Prober *prober;
	int64_t asked;
	(void)state;

	server_start(&server);
	prober = probe(&server);
	be(&server, GOOD, 1);
	be(&server, SILENT, 1);
	prober_end(prober, &figures);
	asked = figures.asked;
	server_end(&server);
	assert_int_equal(figures.failed, 0); /* it was not answered, and not waited for either */
	assert_true(asked >= 1);
	prober_users(NULL, PROBE_NOBODY);
	prober_end(NULL, &figures);
	assert_false(figures.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dark_time_is_what_lies_between_two_good_answers),
		cmocka_unit_test(read_only_is_answered_time_in_which_saving_is_refused),
		cmocka_unit_test(a_site_that_never_answered_tells_nothing),
		cmocka_unit_test(the_end_does_not_wait_for_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
