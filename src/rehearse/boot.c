#include "rehearse/boot.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/redact.h"
#include "docker/engine_change.h"
#include "gate/gate_questions.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/process_table.h"
#include "os/signals.h"
#include "os/tree.h"
#include "rehearse/report.h"
#include "service/log_tail.h"
#include "service/prewarm.h"

#define LOG_MAX    (8 * 1024 * 1024)
#define ASK_MS     20000
#define PAUSE_MS   200 /* between two questions whether it is healthy yet */
#define LOOK_MS    1000
#define IMPORTS_MS 180000 /* a full environment without byte code took 41 s on two cores */
/* Answering our own questions takes a server less than that in a look; work takes more. */
#define WORK_MS   100
#define PATIENCE  10    /* times start_timeout, whatever moves */
#define SETTLE_MS 10000 /* healthy, and a no elsewhere: after that it will not turn into a yes */
#define WORDS     6
#define STAY_MS   1500

typedef struct Booting {
	const BootSpec *spec;
	Site inside;  /* the site as seen from the cage; borrows everything */
	int recorder; /* tells which modules were loaded; -1: an ordinary start */
	Asking asking;
	GateSpec gate;
	char *log;               /* written by the server, as the site's user */
	char *uploads, *vectors; /* in the scratch folder, */
	char *vectors_before;    /* and where they were copied from; NULL: nowhere */
	char *container;         /* NULL: none */
	pid_t pid;
	int pidfd;
	int64_t started_ms, looked_ms, moved_ms, cpu_ms, log_bytes;
} Booting;

static void booting_clear(Booting *booting)
{
	if (booting->pidfd >= 0)
		close(booting->pidfd);
	if (booting->recorder >= 0)
		close(booting->recorder);
	free(booting->container);
	free(booting->log);
	free(booting->uploads);
	free(booting->vectors);
	free(booting->vectors_before);
}

/* ---- what it needs ---- */

/* Free on this host, so that it is also right where there is no cage. */
static bool free_port(int *ret, Err *err)
{
	AUTO(close_auto) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
		getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return err_fail_sys(err, "looking for a free port");
	*ret = ntohs(at.sin_port);
	return true;
}

/* The set's copy of the vector store was made by the backup API where it is SQLite; a plain copy of
 * the live one could be torn, and a release would be refused for it. */
static bool copy_vectors(Booting *booting, Err *err)
{
	const RehearsalSpec *rehearsal = booting->spec->rehearsal;
	AUTO(free_auto)
	char *kept = rehearsal->set ? path_join(rehearsal->set->path, "files/vector_db") : NULL;
	AUTO(free_auto) char *live = site_vector_dir(rehearsal->site);
	const Recipe *recipe = &rehearsal->site->recipe;
	const char *from = kept && file_kind(kept) == FILE_FOLDER ? kept : live;

	if (!file_exists(from))
		return true;
	booting->vectors_before = str_dup(from);
	return (tree_mirror(from, booting->vectors, err) &&
		       (geteuid() != 0 ||
			       tree_chown(booting->vectors, recipe->uid, recipe->gid, err))) ||
	       err_wrap(err, "copying the vector store for the rehearsal");
}

/* The command under the launcher that can tell what was imported, for a prewarmed start later. A
 * site whose command has another shape starts in the ordinary way, here as then. */
static void recording_argv(Booting *booting, StrList *ret, int *ret_fd)
{
	const RehearsalSpec *rehearsal = booting->spec->rehearsal;
	AUTO(free_auto) char *launcher = NULL;
	AUTO(err_clear) Err why = {0};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	if (prewarm_install_launcher(rehearsal->site, &launcher, &why) &&
		prewarm_record_argv(
			rehearsal->site, rehearsal->target, launcher, ends[1], ret, &why)) {
		booting->recorder = ends[0];
		*ret_fd = ends[1];
		return;
	}
	strlist_clear(ret);
	close(ends[0]);
	close(ends[1]);
}

static DaemonSpec surroundings(const Booting *booting, const StrList *argv, const StrList *env)
{
	const BootSpec *spec = booting->spec;
	DaemonSpec daemon = recipe_surroundings(&spec->rehearsal->site->recipe);

	daemon.argv = strlist_argv(argv);
	daemon.env = strlist_argv(env);
	daemon.dir = spec->scratch->folder;
	daemon.log = booting->log;
	daemon.dies_with_us = true;
	daemon.cage_fd = cage_fd(spec->cage);
	return daemon;
}

static bool start_container(Booting *booting, Err *err)
{
	BootedContainer booted = {.pidfd = -1};
	bool done;

	booting->started_ms = booting->moved_ms = clock_mono_ms();
	done = boot_container(booting->spec, booting->inside.port, booting->log, &booted, err);
	booting->container = booted.id;
	booting->pid = booted.pid;
	booting->pidfd = booted.pidfd;
	return done && scratch_note_server(booting->spec->scratch, booting->pid, err);
}

static bool start(Booting *booting, Err *err)
{
	const BootSpec *spec = booting->spec;
	const Site *site = spec->rehearsal->site;
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(close_auto) int kept = -1;
	DaemonSpec daemon;

	if (site_in_container(site))
		return start_container(booting, err);
	recording_argv(booting, &argv, &kept);
	if (argv.len == 0)
		boot_argv(site, spec->rehearsal->target, &argv);
	boot_listen(&argv, booting->inside.port);
	if (!boot_env(site, spec->url, spec->scratch, &env, err))
		return false;
	daemon = surroundings(booting, &argv, &env);
	daemon.keep_fd = kept;
	booting->started_ms = booting->moved_ms = clock_mono_ms();
	return proc_daemon(&daemon, &booting->pid, &booting->pidfd, err) &&
	       scratch_note_server(spec->scratch, booting->pid, err);
}

static bool start_prewarmed(Booting *booting, const char *modules, int64_t *ret_kb, Err *err)
{
	const BootSpec *spec = booting->spec;
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(prewarm_cancel_auto) Prewarm *prewarm = NULL;
	DaemonSpec daemon;
	const PrewarmSpec warm = {
		.site = spec->rehearsal->site,
		.release = spec->rehearsal->target,
		.modules = modules,
		.timeout_ms = IMPORTS_MS,
		.rehearsed = &daemon,
	};

	prewarm_release_words(warm.site, warm.release, &argv);
	boot_listen(&argv, booting->inside.port);
	if (!boot_env(warm.site, spec->url, spec->scratch, &env, err))
		return false;
	daemon = surroundings(booting, &argv, &env);
	if (!prewarm_start(&warm, &prewarm, err) ||
		!scratch_note_server(spec->scratch, prewarm_pid(prewarm), err) ||
		!prewarm_ready(prewarm, err))
		return false;
	*ret_kb = process_pss_kb(prewarm_pid(prewarm));
	booting->pidfd = fcntl(prewarm_pidfd(prewarm), F_DUPFD_CLOEXEC, 3);
	booting->started_ms = booting->moved_ms = clock_mono_ms();
	return prewarm_go(TAKE(prewarm), &booting->pid, err);
}

/* ---- asking it ---- */

static const struct {
	const char *slug;
	GateQuestion *ask;
} questions[] = {
	{"health", gate_health},
	{"ready", gate_ready},
	{"version", gate_version},
	{"onboarding", gate_onboarding},
};

typedef struct Errand {
	const Asking *asking;
	size_t count; /* of `questions`, from the first */
} Errand;

/* In a child, inside the cage. */
static void ask_questions(void *arg, Text *answer)
{
	const Errand *errand = arg;
	json_t *answers = json_array();

	for (size_t i = 0; i < errand->count; i++) {
		AUTO(free_auto) char *saw = NULL;
		AUTO(err_clear) Err why = {0};
		const bool ok = questions[i].ask(errand->asking, &saw, &why);
		json_t *one = json_object();

		json_put(one, "question", questions[i].slug);
		json_object_set_new(one, "ok", json_boolean(ok));
		json_put(one, "saw", ok ? saw : why.text);
		json_array_append_new(answers, one);
	}
	AUTO(free_auto) char *line = json_line(answers);
	text_add(answer, line);
	json_decref(answers);
}

static bool ask(Booting *booting, size_t count, json_t **ret, Err *err)
{
	Errand errand = {.asking = &booting->asking, .count = count};
	AUTO(free_auto) char *text = NULL;

	return cage_call(booting->spec->cage, ask_questions, &errand, ASK_MS, &text, err) &&
	       json_parse(text, strlen(text), LOG_MAX, ret, err);
}

static const json_t *first_no(const json_t *answers)
{
	const json_t *one;
	size_t i;

	json_array_foreach(answers, i, one) if (!json_flag(one, "ok", false)) return one;
	return NULL;
}

/* ---- waiting ---- */

static char *last_words(const Booting *booting)
{
	AUTO(free_auto) char *words = log_words_since(booting->log, 0, WORDS);

	return str_empty(words) ? str_dup("it wrote nothing") : TAKE(words);
}

static void look_for_movement(Booting *booting)
{
	const int64_t cpu = process_cpu_ms(booting->pid), bytes = log_size(booting->log);
	const int64_t now = clock_mono_ms();

	if (now - booting->looked_ms < LOOK_MS)
		return;
	if (cpu >= booting->cpu_ms + WORK_MS || bytes != booting->log_bytes)
		booting->moved_ms = now;
	booting->looked_ms = now;
	booting->cpu_ms = cpu;
	booting->log_bytes = bytes;
}

/* One pause; its end or a signal cuts it short. */
static bool pause_a_while(Booting *booting, Err *err)
{
	const Site *site = booting->spec->rehearsal->site;
	const char *version = booting->spec->rehearsal->target->version;
	struct pollfd waits[] = {
		{.fd = booting->pidfd, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};
	AUTO(free_auto) char *words = NULL;
	int64_t now;

	poll(waits, COUNT_OF(waits), PAUSE_MS);
	if (signals_pending())
		return err_fail(err, ERR_INTERRUPTED, "the rehearsal was ended");
	if (!process_alive(booting->pidfd)) {
		words = last_words(booting);
		return err_fail(
			err, ERR_EXEC, "release %s ended while it started: %s", version, words);
	}
	look_for_movement(booting);
	now = clock_mono_ms();
	if (now - booting->moved_ms <= site->start_timeout_ms &&
		now - booting->started_ms <= PATIENCE * site->start_timeout_ms)
		return true;
	words = last_words(booting);
	return err_fail(err, ERR_TIMEOUT, "release %s started and never became healthy: %s",
		version, words);
}

/* The same after an answer that is no yes; a limit that passes says which. */
static bool pause_after(Booting *booting, const json_t *no, Err *err)
{
	if (pause_a_while(booting, err))
		return true;
	return err->kind == ERR_TIMEOUT ? err_wrap(err, "%s", json_str(no, "saw")) : false;
}

static bool wait_healthy(Booting *booting, int64_t *ret_ms, Err *err)
{
	for (;;) {
		AUTO(json_release_auto) json_t *answers = NULL;

		if (!ask(booting, 1, &answers, err))
			return false;
		if (!first_no(answers))
			break;
		if (!pause_after(booting, first_no(answers), err))
			return false;
		event_progress("rehearse", 0, 0, "starting release %s in rehearsal",
			booting->spec->rehearsal->target->version);
	}
	*ret_ms = clock_mono_ms() - booting->started_ms;
	return true;
}

/* ---- judging ---- */

static bool judge_answers(Booting *booting, json_t **ret, Err *err)
{
	const Deadline settled = deadline_in(SETTLE_MS);
	const json_t *no;

	if (!ask(booting, COUNT_OF(questions), ret, err))
		return false;
	while ((no = first_no(*ret)) && deadline_left_ms(settled) > 0) {
		json_t *again = NULL;

		if (!pause_after(booting, no, err) ||
			!ask(booting, COUNT_OF(questions), &again, err))
			return false;
		json_decref(*ret);
		*ret = again;
	}
	return !no || err_fail(err, ERR_VERIFY, "started in rehearsal, release %s: %s",
			      booting->spec->rehearsal->target->version, json_str(no, "saw"));
}

/* Some releases are well for a moment and then die of what they began meanwhile. */
static bool judge_stay(Booting *booting, json_t **ret, Err *err)
{
	const Deadline until = deadline_in(STAY_MS);
	json_t *again = NULL;
	const json_t *no;

	while (deadline_left_ms(until) > 0) {
		if (!pause_a_while(booting, err))
			return false;
	}
	if (!ask(booting, COUNT_OF(questions), &again, err))
		return false;
	json_decref(*ret);
	*ret = again;
	no = first_no(again);
	return !no ||
	       err_fail(err, ERR_VERIFY, "started in rehearsal, release %s after a while: %s",
		       booting->spec->rehearsal->target->version, json_str(no, "saw"));
}

/* As the gate will, on the scratch copies. */
static bool judge_files(Booting *booting, Err *err)
{
	AUTO(free_auto) char *uploads = NULL;
	AUTO(free_auto) char *vectors = NULL;

	booting->gate.uploads_dir = booting->uploads;
	booting->gate.vector_dir = booting->vectors;
	booting->gate.vector_before = booting->vectors_before;
	return (gate_uploads(&booting->asking, &uploads, err) &&
		       gate_vectors(&booting->asking, &vectors, err)) ||
	       err_wrap(err, "started in rehearsal, release %s",
		       booting->spec->rehearsal->target->version);
}

/* The key is given to it: a release that makes a new one all the same would lock everybody out. */
static bool judge_log(const Booting *booting, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!file_read(booting->log, LOG_MAX, &text, NULL, &ignored))
		return true;
	return !strstr(text, "Generating a new secret key") ||
	       err_fail(err, ERR_VERIFY,
		       "started in rehearsal, release %s did not find the site's secret key",
		       booting->spec->rehearsal->target->version);
}

static bool judge_revision(const Booting *booting, Err *err)
{
	const RehearsalSpec *rehearsal = booting->spec->rehearsal;
	AUTO(strlist_clear) StrList rows = {0};

	if (!database_revision(rehearsal->db, booting->spec->scratch->place, &rows, err))
		return false;
	return (rows.len == 1 && str_is(rows.items[0], rehearsal->migrations->head)) ||
	       err_fail(err, ERR_VERIFY,
		       "after a start of release %s the copy is at revision '%s', not at '%s'",
		       rehearsal->target->version, rows.len ? rows.items[0] : "(none)",
		       rehearsal->migrations->head);
}

/* ---- afterwards ---- */

/* The server wrote it unmasked. */
static void keep_log(const Booting *booting)
{
	AUTO(free_auto) char *to = path_join(booting->spec->rehearsal->folder, "boot.log");
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *masked = NULL;
	AUTO(err_clear) Err err = {0};

	if (!file_exists(booting->log))
		return;
	if (file_read(booting->log, LOG_MAX, &text, NULL, &err))
		masked = redact(text);
	if (!masked || !file_write_text(to, masked, 0600, &err))
		event_warn_err("evidence", &err);
}

static bool end(Booting *booting, int64_t *ret_ms, Err *err)
{
	const int64_t began = clock_mono_ms();

	keep_log(booting);
	if (booting->pidfd >= 0 &&
		!process_end(booting->pidfd, booting->spec->rehearsal->site->stop_timeout_ms, err))
		return err_wrap(err, "ending the server of a rehearsal");
	if (booting->container && !docker_remove(booting->container, err))
		return false;
	*ret_ms = clock_mono_ms() - began;
	return true;
}

/* Without the list the next start is an ordinary one: no reason to refuse a release. */
static char *record_modules(const Booting *booting)
{
	const RehearsalSpec *rehearsal = booting->spec->rehearsal;
	AUTO(free_auto)
	char *path = report_path(rehearsal->site, rehearsal->target->version, ".modules");
	AUTO(err_clear) Err err = {0};

	if (booting->recorder < 0)
		return NULL;
	if (prewarm_record(booting->recorder, path, &err))
		return TAKE(path);
	event_warn_err("modules", &err);
	return NULL;
}

static void prepare(Booting *booting, const BootSpec *spec, int port)
{
	static char loopback[] = "127.0.0.1";
	const RehearsalSpec *rehearsal = spec->rehearsal;

	booting->spec = spec;
	booting->inside = *rehearsal->site;
	booting->inside.host = loopback;
	booting->inside.port = port;
	booting->gate = (GateSpec){.site = &booting->inside,
		.release = rehearsal->target,
		.head = rehearsal->migrations->head,
		.had_users = spec->had_users};
	booting->asking = (Asking){.spec = &booting->gate};
	booting->uploads = path_join(spec->scratch->data_dir, "uploads");
	booting->vectors = path_join(spec->scratch->data_dir, "vector_db");
	booting->log = path_join(spec->scratch->folder, "boot.log");
}

static bool serve_once(Booting *booting, BootReport *ret, Err *err)
{
	if (!copy_vectors(booting, err) ||
		!boot_uploads(booting->spec, &booting->gate.uploads, err) || !start(booting, err) ||
		!wait_healthy(booting, &ret->boot_ms, err) ||
		!judge_answers(booting, &ret->answers, err) ||
		!judge_stay(booting, &ret->answers, err) || !judge_log(booting, err) ||
		!judge_revision(booting, err) || !judge_files(booting, err))
		return false;
	ret->pss_kb = process_pss_kb(booting->pid);
	ret->modules = record_modules(booting);
	return true;
}

/* One server, from its start to its end. */
typedef bool Round(Booting *booting, BootReport *report, Err *err);

static bool play(const BootSpec *spec, Round *round, BootReport *report, Err *err)
{
	AUTO(booting_clear) Booting booting = {.pidfd = -1, .recorder = -1};
	AUTO(err_clear) Err ending = {0};
	bool done;
	int port = 0;

	if (!free_port(&port, err))
		return false;
	prepare(&booting, spec, port);
	done = round(&booting, report, err);
	if (!end(&booting, &report->stop_ms, &ending)) {
		if (done)
			err_move(err, &ending);
		return false;
	}
	if (done)
		spec->scratch->server = 0;
	return done;
}

static bool serve_prewarmed(Booting *booting, BootReport *ret, Err *err)
{
	AUTO(json_release_auto) json_t *answers = NULL;

	return start_prewarmed(booting, ret->modules, &ret->pss_kb, err) &&
	       wait_healthy(booting, &ret->warm_ms, err) && judge_answers(booting, &answers, err) &&
	       judge_log(booting, err);
}

/* As the upgrade will start it, now that the list is there: a list that does not fit must not be
 * found out when users wait. */
static bool rehearse_prewarm(const BootSpec *spec, BootReport *report, Err *err)
{
	AUTO(err_clear) Err why = {0};
	const PrewarmSpec warm = {
		.site = spec->rehearsal->site,
		.release = spec->rehearsal->target,
		.modules = report->modules,
		.needed_kb = report->pss_kb,
	};

	if (!report->modules || !prewarm_possible(&warm, &why) ||
		play(spec, serve_prewarmed, report, &why))
		return true;
	if (why.kind == ERR_INTERRUPTED) {
		err_move(err, &why);
		return false;
	}
	event_warn_err("no-prewarm", &why);
	report->warm_ms = 0;
	if (!file_remove(report->modules, err))
		return false;
	str_replace(&report->modules, NULL);
	return true;
}

bool boot(const BootSpec *spec, BootReport *ret, Err *err)
{
	AUTO(boot_report_clear) BootReport report = {0};

	if (!play(spec, serve_once, &report, err) || !rehearse_prewarm(spec, &report, err))
		return false;
	*ret = report;
	report = (BootReport){0};
	return true;
}

void boot_report_clear(BootReport *report)
{
	json_decref(report->answers);
	free(report->modules);
	*report = (BootReport){0};
}
