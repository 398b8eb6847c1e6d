#include "gate/prober.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/http.h"

#define ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define ANSWER_MS  5000 /* a person would wait so long */
#define HEALTH_MAX 4096

/* How often is asked, and each how manyth question is about a page. A tenth of a second is what the
 * figures are told to; while everything works, nobody should notice the questions. */
static const struct {
	long every_ms;
	int page_each;
} rhythms[] = {
	[PROBE_WORKING] = {250, 4},
	[PROBE_READERS] = {100, 1},
	[PROBE_NOBODY] = {50, 1},
};

struct Prober {
	char *health_url, *page_url;
	pthread_t thread;
	int end_fd, phase_fd, timer_fd;
	pthread_mutex_t lock; /* for what follows */
	ProbePhase phase;
	int64_t saving_ended_ms, saving_began_ms; /* 0: not yet */
	/* The thread's own until it has ended. */
	ProbeFigures figures;
	int page_each;
	int64_t good_ms;   /* of the last good answer; 0: none yet */
	bool failed_since; /* and since then one was not */
	int round;
};

/* ---- the account ---- */

/* The part of [from, to] in which saving was refused. */
static int64_t refused_part(Prober *prober, int64_t from, int64_t to)
{
	int64_t begin, end;

	pthread_mutex_lock(&prober->lock);
	begin = prober->saving_ended_ms;
	end = prober->saving_began_ms;
	pthread_mutex_unlock(&prober->lock);
	if (!begin)
		return 0;
	from = begin > from ? begin : from;
	to = end && end < to ? end : to;
	return to > from ? to - from : 0;
}

static void account_dark(Prober *prober, int64_t now)
{
	const int64_t dark = now - prober->good_ms;

	prober->figures.dark_ms += dark;
	if (dark > prober->figures.longest_ms)
		prober->figures.longest_ms = dark;
}

static void account(Prober *prober, bool good, int64_t now)
{
	prober->figures.asked++;
	if (!good) {
		prober->figures.failed++;
		prober->failed_since = true;
		return;
	}
	/* What was before the first good answer is not known: the site may not have run at all. */
	if (prober->good_ms && prober->failed_since)
		account_dark(prober, now);
	else if (prober->good_ms)
		prober->figures.read_only_ms += refused_part(prober, prober->good_ms, now);
	prober->figures.known = true;
	prober->good_ms = now;
	prober->failed_since = false;
}

/* ---- the questions ---- */

/* Both are JSON; what is no API is answered by a page of the application, with 200 too. */
static bool is_good(const HttpAnswer *answer, bool health)
{
	AUTO(json_release_auto) json_t *root = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (answer->status != 200 || !str_starts(answer->content_type, "application/json"))
		return false;
	return json_parse(answer->body, answer->length, ANSWER_MAX, &root, &ignored) &&
	       (!health || json_flag(root, "status", false));
}

/* False: told to end. */
static bool ask(Prober *prober)
{
	/* After a failure only the page tells that users are served again. */
	const bool page = prober->failed_since || prober->round++ % prober->page_each == 0;
	const HttpRequest request = {
		.url = page ? prober->page_url : prober->health_url,
		.timeout_ms = ANSWER_MS,
		.max_bytes = page ? ANSWER_MAX : HEALTH_MAX,
		.cancel_fd = prober->end_fd,
	};
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(err_clear) Err err = {0};
	const bool answered = http_ask(&request, &answer, &err);

	if (!answered && err.kind == ERR_INTERRUPTED)
		return false;
	account(prober, answered && is_good(&answer, !page), clock_mono_ms());
	return true;
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		continue;
}

static void set_rhythm(Prober *prober)
{
	ProbePhase phase;

	pthread_mutex_lock(&prober->lock);
	phase = prober->phase;
	pthread_mutex_unlock(&prober->lock);
	prober->page_each = rhythms[phase].page_each;
	const struct itimerspec rhythm = {
		.it_interval.tv_nsec = rhythms[phase].every_ms * 1000000,
		.it_value.tv_nsec = 1,
	};
	timerfd_settime(prober->timer_fd, 0, &rhythm, NULL);
}

static void *probe(void *arg)
{
	Prober *prober = arg;
	struct pollfd ready[] = {
		{.fd = prober->end_fd, .events = POLLIN},
		{.fd = prober->phase_fd, .events = POLLIN},
		{.fd = prober->timer_fd, .events = POLLIN},
	};

	for (;;) {
		if (poll(ready, COUNT_OF(ready), -1) < 0 && errno != EINTR)
			return NULL;
		if (ready[0].revents)
			return NULL;
		if (ready[1].revents) {
			drain(prober->phase_fd);
			set_rhythm(prober);
		}
		if (ready[2].revents) {
			drain(prober->timer_fd);
			if (!ask(prober))
				return NULL;
		}
	}
}

/* ---- from the main thread ---- */

static void raise_fd(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

static void prober_free(Prober *prober)
{
	close_auto(&prober->end_fd);
	close_auto(&prober->phase_fd);
	close_auto(&prober->timer_fd);
	pthread_mutex_destroy(&prober->lock);
	free(prober->health_url);
	free(prober->page_url);
	free(prober);
}

static char *url_of(const Site *site, const char *path)
{
	const bool six = strchr(site->host, ':') != NULL;

	return str_format(
		"http://%s%s%s:%d%s", six ? "[" : "", site->host, six ? "]" : "", site->port, path);
}

/* Signals are the main thread's. */
static bool launch(Prober *prober, Err *err)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&prober->thread, NULL, probe, prober);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errno == 0 || err_fail_sys(err, "cannot watch the site from outside");
}

bool prober_start(const Site *site, Prober **ret, Err *err)
{
	Prober *prober = NEW(Prober);

	pthread_mutex_init(&prober->lock, NULL);
	prober->health_url = url_of(site, "/health");
	prober->page_url = url_of(site, "/api/config");
	prober->end_fd = eventfd(0, EFD_CLOEXEC);
	prober->phase_fd = eventfd(1, EFD_CLOEXEC);
	prober->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (prober->end_fd < 0 || prober->phase_fd < 0 || prober->timer_fd < 0)
		err_fail_sys(err, "cannot watch the site from outside");
	else if (launch(prober, err)) {
		*ret = prober;
		return true;
	}
	prober_free(prober);
	return false;
}

void prober_users(Prober *prober, ProbePhase phase)
{
	if (!prober)
		return;
	pthread_mutex_lock(&prober->lock);
	if (phase == PROBE_READERS && !prober->saving_ended_ms)
		prober->saving_ended_ms = clock_mono_ms();
	if (phase == PROBE_WORKING && prober->saving_ended_ms && !prober->saving_began_ms)
		prober->saving_began_ms = clock_mono_ms();
	prober->phase = phase;
	pthread_mutex_unlock(&prober->lock);
	raise_fd(prober->phase_fd);
}

void prober_end(Prober *prober, ProbeFigures *ret)
{
	*ret = (ProbeFigures){0};
	if (!prober)
		return;
	raise_fd(prober->end_fd);
	pthread_join(prober->thread, NULL);
	if (prober->good_ms && prober->failed_since)
		account_dark(prober, clock_mono_ms());
	*ret = prober->figures;
	prober_free(prober);
}
