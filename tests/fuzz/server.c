#include "fuzz.h"

#include "server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void *answer;
static size_t answer_len;
static bool answer_raw;
static int listeners[2] = {-1, -1};
static char *socket_path;
static int port;

static void send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* the client had enough */
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void serve(int listener)
{
	AUTO(close_auto) int fd = accept(listener, NULL, NULL);
	char request[4096];
	AUTO(free_auto) char *copy = NULL;
	size_t len;
	bool raw;

	if (fd < 0 || recv(fd, request, sizeof request, 0) <= 0)
		return;
	pthread_mutex_lock(&lock);
	len = answer_len;
	raw = answer_raw;
	copy = mem_new(len + 1, 1);
	if (len)
		memcpy(copy, answer, len);
	pthread_mutex_unlock(&lock);
	if (!raw) {
		AUTO(free_auto)
		char *head = str_format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
					"Connection: close\r\nContent-Length: %zu\r\n\r\n",
			len);

		send_all(fd, head, strlen(head));
	}
	send_all(fd, copy, len);
}

static void *serve_for_ever(void *arg)
{
	struct pollfd ready[2] = {
		{.fd = listeners[0], .events = POLLIN}, {.fd = listeners[1], .events = POLLIN}};

	for (;;) {
		poll(ready, 2, -1);
		for (int i = 0; i < 2; i++)
			if (ready[i].revents)
				serve(listeners[i]);
	}
	return arg;
}

static void start(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof there;
	pthread_t thread;

	socket_path = fuzz_path("docker.sock");
	snprintf(local.sun_path, sizeof local.sun_path, "%s", socket_path);
	listeners[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	listeners[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_MUST(bind(listeners[0], (struct sockaddr *)&local, sizeof local) == 0);
	FUZZ_MUST(bind(listeners[1], (struct sockaddr *)&there, sizeof there) == 0);
	FUZZ_MUST(listen(listeners[0], 16) == 0 && listen(listeners[1], 16) == 0);
	FUZZ_MUST(getsockname(listeners[1], (struct sockaddr *)&there, &size) == 0);
	port = ntohs(there.sin_port);
	FUZZ_MUST(pthread_create(&thread, NULL, serve_for_ever, NULL) == 0);
	pthread_detach(thread);
}

void server_answers(const void *bytes, size_t len, bool raw)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	pthread_mutex_lock(&lock);
	answer = bytes;
	answer_len = len;
	answer_raw = raw;
	pthread_mutex_unlock(&lock);
}

const char *server_socket(void)
{
	return socket_path;
}

int server_port(void)
{
	return port;
}
