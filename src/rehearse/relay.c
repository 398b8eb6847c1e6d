#include "rehearse/relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define PAIRS_MAX 256 /* connection pools of Open WebUI are a tenth of that */
#define CHUNK     65536

/* One direction: what was read from one end and not yet written to the other. */
typedef struct Flow {
	char *bytes;
	size_t begin, end;
	bool at_end;    /* the reading side said so */
	bool passed_on; /* and the writing side was told */
} Flow;

typedef struct Pair {
	int inside, outside;
	Flow out, in; /* inside to outside, and back */
} Pair;

typedef struct Relay {
	const RelaySpec *spec;
	Pair pairs[PAIRS_MAX];
	size_t len;
} Relay;

static void pair_close(Pair *pair)
{
	close(pair->inside);
	close(pair->outside);
	free(pair->out.bytes);
	free(pair->in.bytes);
}

/* A driver's message in two pieces would otherwise wait for an acknowledgement, 40 ms a time. */
static void send_at_once(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The connect runs on while the pair waits: a write before it is done is simply not possible yet.
 */
static bool pair_open(const RelaySpec *spec, int listener, Pair *ret)
{
	Pair pair = {.inside = -1, .outside = -1};

	/* cppcheck-suppress nullPointer ; who asks is not asked for */
	pair.inside = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (pair.inside < 0)
		return false;
	pair.outside = socket(spec->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pair.outside < 0 ||
		(connect(pair.outside, (const struct sockaddr *)&spec->to, spec->to_len) != 0 &&
			errno != EINPROGRESS)) {
		close(pair.inside);
		if (pair.outside >= 0)
			close(pair.outside);
		return false;
	}
	send_at_once(pair.inside);
	send_at_once(pair.outside);
	pair.out.bytes = mem_new(1, CHUNK);
	pair.in.bytes = mem_new(1, CHUNK);
	*ret = pair;
	return true;
}

static void relay_accept(Relay *relay, int listener)
{
	Pair pair;

	if (relay->len < PAIRS_MAX && pair_open(relay->spec, listener, &pair))
		relay->pairs[relay->len++] = pair;
}

static bool flow_empty(const Flow *flow)
{
	return flow->begin == flow->end;
}

static bool later(void)
{
	return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
}

static bool flow_read(Flow *flow, int from)
{
	const ssize_t got = read(from, flow->bytes, CHUNK);

	if (got < 0)
		return later();
	flow->begin = 0;
	flow->end = (size_t)got;
	flow->at_end = got == 0;
	return true;
}

static bool flow_write(Flow *flow, int to)
{
	const ssize_t put = send(
		to, flow->bytes + flow->begin, flow->end - flow->begin, MSG_NOSIGNAL);

	if (put < 0)
		return later();
	flow->begin += (size_t)put;
	return true;
}

/* false: the connection is broken. */
static bool flow_move(Flow *flow, int from, short from_events, int to, short to_events)
{
	if (flow_empty(flow) && !flow->at_end && (from_events & (POLLIN | POLLHUP)) &&
		!flow_read(flow, from))
		return false;
	if (!flow_empty(flow) && (to_events & (POLLOUT | POLLERR | POLLHUP) || from_events) &&
		!flow_write(flow, to))
		return false;
	if (flow->at_end && flow_empty(flow) && !flow->passed_on) {
		shutdown(to, SHUT_WR);
		flow->passed_on = true;
	}
	return true;
}

static short wanted(const Flow *reads, const Flow *writes)
{
	short events = 0;

	if (flow_empty(reads) && !reads->at_end)
		events |= POLLIN;
	if (!flow_empty(writes))
		events |= POLLOUT;
	return events;
}

static bool pair_serve(Pair *pair, short inside, short outside)
{
	if ((inside | outside) & (POLLERR | POLLNVAL))
		return false;
	return flow_move(&pair->out, pair->inside, inside, pair->outside, outside) &&
	       flow_move(&pair->in, pair->outside, outside, pair->inside, inside) &&
	       !(pair->out.passed_on && pair->in.passed_on);
}

/* A side that is at its end and has nothing to write would be reported as hung up for ever. */
static struct pollfd wait_of(int fd, short events)
{
	return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static void relay_serve(Relay *relay, const struct pollfd *waits)
{
	size_t kept = 0;

	for (size_t i = 0; i < relay->len; i++) {
		Pair *pair = &relay->pairs[i];

		if (pair_serve(pair, waits[2 * i].revents, waits[2 * i + 1].revents))
			relay->pairs[kept++] = *pair;
		else
			pair_close(pair);
	}
	relay->len = kept;
}

void relay_run(const RelaySpec *spec)
{
	static Relay relay;
	static struct pollfd waits[3 + 2 * PAIRS_MAX];

	relay.spec = spec;
	for (;;) {
		const bool full = relay.len == PAIRS_MAX;

		waits[0] = (struct pollfd){.fd = spec->control, .events = POLLIN};
		for (size_t i = 0; i < 2; i++)
			waits[1 + i] = (struct pollfd){
				.fd = full ? -1 : spec->listeners[i], .events = POLLIN};
		for (size_t i = 0; i < relay.len; i++) {
			const Pair *pair = &relay.pairs[i];

			waits[3 + 2 * i] = wait_of(pair->inside, wanted(&pair->out, &pair->in));
			waits[4 + 2 * i] = wait_of(pair->outside, wanted(&pair->in, &pair->out));
		}
		if (poll(waits, 3 + 2 * relay.len, -1) < 0) {
			if (errno == EINTR)
				continue;
			_exit(1);
		}
		if (waits[0].revents)
			_exit(0);
		relay_serve(&relay, waits + 3);
		for (size_t i = 0; i < 2; i++)
			if (waits[1 + i].revents)
				relay_accept(&relay, spec->listeners[i]);
	}
}
