#include "gate/gate.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_questions.h"
#include "os/process_table.h"
#include "os/signals.h"
#include "release/site_container.h"
#include "service/log_tail.h"

#define TICK_MS        150
#define LOOK_MS        1000  /* between two looks at CPU time and log */
#define ANSWER_CPU_MS  25    /* what one no to our own question may cost a server */
#define CPU_MOVED_MS   100   /* an idle event loop uses a little, too */
#define SETTLE_MS      10000 /* healthy, and still a no elsewhere: it will not turn into a yes */
#define RESTARTS_MAX   3
#define PATIENCE_TIMES 10 /* start_timeout, however much seems to move */
#define SHOWN_LINES    6
#define FINDING_LINES  2000
#define FINDINGS_MAX   20

static const struct {
	const char *slug;
	GateQuestion *ask;
	bool decides_rest; /* after a no the rest would only say the same */
} questions[] = {
	{"process", gate_process, true},
	{"listener", gate_listener, true},
	{"health", gate_health, true},
	{"release", gate_release, false},
	{"alone", gate_alone, false},
	{"ready", gate_ready, false},
	{"version", gate_version, false},
	{"onboarding", gate_onboarding, false},
	{"revision", gate_revision, false},
	{"secret-key", gate_secret_key, false},
	{"rows", gate_rows, false},
	{"uploads", gate_uploads, false},
	{"vectors", gate_vectors, false},
};

static const char *const suspicious[] = {
	"Generating a new secret key",
	"Error running migrations",
	"Can't locate revision",
	"Application startup failed",
	"Traceback (most recent call last)",
	"address already in use",
	"no such table",
	"UndefinedTable",
	"UndefinedColumn",
	"DuplicateTable",
	"read-only transaction",
	"No embedding model is loaded",
};

void gate_report_clear(GateReport *report)
{
	json_decref(report->answers);
	json_decref(report->findings);
	*report = (GateReport){0};
}

static void report_take(GateReport *to, GateReport *from)
{
	gate_report_clear(to);
	*to = *from;
	*from = (GateReport){0};
}

static void add_answer(json_t *answers, const char *slug, bool ok, const char *saw)
{
	json_t *answer = json_object();

	json_put(answer, "question", slug);
	json_object_set_new(answer, "ok", json_boolean(ok));
	json_put(answer, "saw", saw);
	json_array_append_new(answers, answer);
}

/* All questions; `err` is the first no. */
static bool ask_all(const Asking *asking, GateReport *report, Err *err)
{
	bool yes = true;

	report->pid = asking->state.pid;
	json_decref(report->answers);
	report->answers = json_array();
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		AUTO(err_clear) Err no = {0};
		AUTO(free_auto) char *saw = NULL;
		bool ok = questions[i].ask(asking, &saw, &no);

		add_answer(report->answers, questions[i].slug, ok, ok ? saw : no.text);
		if (ok)
			continue;
		if (yes) {
			err_clear(err);
			err_move(err, &no);
			err->kind = ERR_VERIFY;
		}
		yes = false;
		if (questions[i].decides_rest)
			break;
	}
	return yes;
}

/* json_put takes bytes that are not UTF-8; json_string would give nothing. */
static void add_line(json_t *lines, const char *line)
{
	AUTO(json_release_auto) json_t *holder = json_object();

	json_put(holder, "line", line);
	json_array_append(lines, json_object_get(holder, "line"));
}

static json_t *findings_since(const char *log, int64_t from)
{
	AUTO(strlist_clear) StrList lines = {0};
	json_t *findings = json_array();

	log_lines_since(log, from, FINDING_LINES, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		bool hit = false;

		for (size_t j = 0; j < COUNT_OF(suspicious); j++)
			hit |= strstr(lines.items[i], suspicious[j]) != NULL;
		if (hit && json_array_size(findings) < FINDINGS_MAX)
			add_line(findings, lines.items[i]);
	}
	return findings;
}

bool gate_ask(const GateSpec *spec, GateReport *ret, Err *err)
{
	AUTO(gate_report_clear) GateReport report = {0};
	Asking asking = {.spec = spec};
	bool yes;

	if (!service_state(spec->site, &asking.state, err))
		return false;
	yes = ask_all(&asking, &report, err);
	service_state_clear(&asking.state);
	report.findings = json_array();
	report_take(ret, &report);
	return yes;
}

/* ---- waiting ---- */

typedef struct Wait {
	const GateSpec *spec;
	Asking asking;
	GateReport report;
	int pidfd;
	int restarts;
	int noes; /* answered since the last look: no work of a start */
	const char *log;
	int64_t log_from, log_seen, cpu_seen;
	int64_t started_ms, looked_ms;
	Deadline still; /* nothing moves until then: a no */
	Deadline patience;
	Deadline settle; /* once it is healthy */
	bool healthy;
	bool stays;     /* it has said yes once, */
	Deadline until; /* and must say so again */
} Wait;

static void wait_clear(Wait *wait)
{
	service_state_clear(&wait->asking.state);
	gate_report_clear(&wait->report);
	if (wait->pidfd >= 0)
		close(wait->pidfd);
}

/* As a file's: one line, several behind each other. */
static char *container_words(const Site *site)
{
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *text = NULL;
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!site_container(site, &container, &ignored) ||
		!docker_log_tail(container.id, SHOWN_LINES, &text, &ignored))
		return str_dup("");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\n')
			*c = ' ';
	strlist_split(&lines, text, "\n");
	return strlist_join(&lines, " | ");
}

static char *last_words(const Wait *wait)
{
	if (site_in_container(wait->spec->site))
		return container_words(wait->spec->site);
	char *words = log_words_since(wait->log, wait->log_from, SHOWN_LINES);

	if (words[0])
		return words;
	/* It may have said everything before we came. */
	free(words);
	return log_words_since(wait->log, 0, SHOWN_LINES);
}

static bool gone(const Wait *wait, Err *err)
{
	AUTO(free_auto) char *words = last_words(wait);

	if (!words[0])
		return err_fail(err, ERR_VERIFY, "the server has ended");
	return err_fail(
		err, ERR_VERIFY, "the server has ended; the last lines of its log: %s", words);
}

/* Its owner may have started it anew, or a wrapper has given way to the server itself. */
static bool watch_server(Wait *wait, Err *err)
{
	ServiceState *state = &wait->asking.state;

	if (wait->pidfd >= 0 && process_alive(wait->pidfd))
		return true;
	if (wait->pidfd >= 0) {
		close(wait->pidfd);
		wait->pidfd = -1;
		wait->restarts++;
	}
	service_state_clear(state);
	if (!service_state(wait->spec->site, state, err))
		return false;
	if (state->pid && wait->restarts <= RESTARTS_MAX)
		wait->pidfd = process_open(state->pid, state->start_ticks);
	return wait->pidfd >= 0 || gone(wait, err);
}

static bool moved(Wait *wait)
{
	int64_t cpu = process_cpu_ms(wait->asking.state.pid), log = log_size(wait->log);
	const int64_t idle = CPU_MOVED_MS + (int64_t)wait->noes * ANSWER_CPU_MS;
	bool moves = cpu >= wait->cpu_seen + idle || cpu < wait->cpu_seen || log != wait->log_seen;

	wait->noes = 0;
	if (moves || idle > CPU_MOVED_MS) {
		wait->cpu_seen = cpu;
		wait->log_seen = log;
	}
	return moves;
}

static bool interrupted(Err *err)
{
	return signals_pending() &&
	       !err_fail(err, ERR_INTERRUPTED, "waiting for the server was interrupted");
}

static bool may_wait_on(Wait *wait, Err *err)
{
	const int64_t now = clock_mono_ms();

	if (interrupted(err))
		return false;
	if (wait->healthy && deadline_left_ms(wait->settle) == 0)
		return false;
	if (now - wait->looked_ms >= LOOK_MS) {
		wait->looked_ms = now;
		if (moved(wait))
			wait->still = deadline_in(wait->spec->site->start_timeout_ms);
		if (wait->spec->step)
			event_progress(wait->spec->step, 0, 0, "waiting for the server for %lld s",
				whole_seconds(now - wait->started_ms));
	}
	if (deadline_left_ms(wait->still) > 0 && deadline_left_ms(wait->patience) > 0)
		return true;
	err->kind = ERR_TIMEOUT;
	err_wrap(err, "the server did not come up within %lld s",
		whole_seconds(now - wait->started_ms));
	if (site_in_container(wait->spec->site)) {
		AUTO(container_clear) Container container = {0};
		AUTO(err_clear) Err ignored = {0};

		return site_container(wait->spec->site, &container, &ignored) &&
		       err_hint(err, "see its log: docker logs %s", container.name);
	}
	return wait->log ? err_hint(err, "see its log: %s", wait->log) : false;
}

/* While the port is not there yet, only what is cheap is asked. */
static bool ask_in_turn(Wait *wait, Err *err)
{
	AUTO(free_auto) char *saw = NULL;

	if (!wait->healthy && !gate_health(&wait->asking, &saw, err)) {
		wait->noes += err->kind == ERR_VERIFY;
		return false;
	}
	if (!wait->healthy) {
		wait->healthy = true;
		wait->settle = deadline_in(SETTLE_MS);
	}
	/* A shell that was the unit's main process may have a server below it by now. */
	service_state_clear(&wait->asking.state);
	return service_state(wait->spec->site, &wait->asking.state, err) &&
	       ask_all(&wait->asking, &wait->report, err);
}

static void pause_until_news(const Wait *wait)
{
	struct pollfd news[] = {
		{.fd = wait->pidfd, .events = POLLIN},
		{.fd = signals_fd(), .events = POLLIN},
	};

	poll(news, COUNT_OF(news), TICK_MS);
}

/* A first yes is not the last word where no rehearsal has seen the release stay alive. */
static bool has_stayed(Wait *wait)
{
	if (!wait->stays)
		wait->until = deadline_in(wait->spec->stay_ms);
	wait->stays = true;
	return deadline_left_ms(wait->until) == 0;
}

static bool wait_for_yes(Wait *wait, Err *err)
{
	for (;;) {
		bool yes;

		err_clear(err);
		if (!watch_server(wait, err))
			return false;
		yes = ask_in_turn(wait, err);
		if (yes && has_stayed(wait))
			return true;
		wait->stays = yes;
		if (yes ? interrupted(err) : process_alive(wait->pidfd) && !may_wait_on(wait, err))
			return false;
		pause_until_news(wait);
	}
}

bool gate_wait(const GateSpec *spec, GateReport *ret, Err *err)
{
	const int64_t timeout = spec->site->start_timeout_ms;
	AUTO(wait_clear)
	Wait wait = {
		.spec = spec,
		.asking = {.spec = spec},
		.pidfd = -1,
		.log = spec->site->log_file,
		.started_ms = clock_mono_ms(),
		.looked_ms = clock_mono_ms(),
		.still = deadline_in(timeout),
		.patience = deadline_in(timeout * PATIENCE_TIMES),
	};
	bool yes;

	wait.log_from = wait.log_seen = log_size(wait.log);
	yes = wait_for_yes(&wait, err);
	if (!wait.report.answers) {
		wait.report.answers = json_array();
		add_answer(wait.report.answers, wait.asking.state.pid ? "health" : "process", false,
			err->text);
	}
	wait.report.pid = wait.asking.state.pid;
	wait.report.findings = findings_since(wait.log, wait.log_from);
	wait.report.waited_ms = clock_mono_ms() - wait.started_ms;
	report_take(ret, &wait.report);
	return yes;
}
