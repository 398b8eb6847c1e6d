#include "database/alembic.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/alembic_place.h"
#include "database/guarded_env.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/process_table.h"
#include "release/throwaway.h"

#define REPORT        "belay-migrate: "
#define REPORT_MAX    (64 * 1024)
#define REVISIONS_MAX 10000
#define ASK_AFTER_MS  5000
/* A ceiling beside the stall limit: a migration that moves is left alone for days. */
#define TIMEOUT_MS (7LL * 24 * 3600 * 1000)

#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char driver[] =
#include "migrate_py.h"
	;

typedef struct Watch {
	const MigrationSpec *spec;
	const AlembicPlace *place;
	json_t *migrations;
	char *current; /* revision that runs now */
	char *refused; /* why the driver said no */
	char *failed;  /* what a migration died of */
	bool finished;
	pid_t pid;        /* of the driver, by its own word; for CPU time only */
	int64_t moved_at; /* monotonic */
	int64_t asked_at;
	int64_t cpu_ticks;
	int64_t peak_kb; /* of a process that is no child of ours */
	int64_t bytes;
	char *waiting; /* "4711 (webui, psql, 10.0.0.7)" that holds a lock the migration wants */
} Watch;

static void watch_clear(Watch *watch)
{
	json_decref(watch->migrations);
	free(watch->current);
	free(watch->refused);
	free(watch->failed);
	free(watch->waiting);
}

static void say_progress(const Watch *watch)
{
	const MigrationSpec *spec = watch->spec;

	event_progress(spec->step, (int64_t)json_array_size(watch->migrations), spec->expected,
		"migration %s", watch->current ? watch->current : "");
}

static void on_done(Watch *watch, const json_t *report)
{
	json_t *one;

	if (json_array_size(watch->migrations) >= REVISIONS_MAX)
		return;
	one = json_object();
	json_put(one, "revision", json_str(report, "revision"));
	json_put(one, "from", json_str(report, "from"));
	json_put_int(one, "ms", json_int(report, "ms", 0));
	json_array_append_new(watch->migrations, one);
	say_progress(watch);
}

static void on_report(Watch *watch, const json_t *report)
{
	const char *event = json_str(report, "event");

	if (str_is(event, "starts")) {
		watch->pid = alembic_pid(watch->place, (pid_t)json_int(report, "pid", 0));
	} else if (str_is(event, "begins")) {
		str_replace(&watch->current, json_str(report, "revision"));
		say_progress(watch);
	} else if (str_is(event, "done")) {
		on_done(watch, report);
	} else if (str_is(event, "finished")) {
		watch->finished = true;
	} else if (str_is(event, "failed")) {
		str_replace(&watch->failed, json_str(report, "error"));
	} else if (str_is(event, "refused")) {
		free(watch->refused);
		watch->refused = str_format("%s would be '%s' instead of '%s'",
			json_str(report, "what"), json_str(report, "would"),
			json_str(report, "wanted"));
	}
}

static void on_line(void *arg, bool is_stderr, const char *line)
{
	Watch *watch = arg;
	AUTO(json_release_auto) json_t *report = NULL;
	AUTO(err_clear) Err ignored = {0};

	watch->moved_at = clock_mono_ms();
	if (is_stderr || !str_starts(line, REPORT))
		return;
	line += strlen(REPORT);
	if (json_parse(line, strlen(line), REPORT_MAX, &report, &ignored))
		on_report(watch, report);
}

/* utime and stime of /proc/PID/stat: the 12th and 13th field after the name in brackets. */
static int64_t cpu_ticks(pid_t pid)
{
	AUTO(free_auto) char *path = str_format("/proc/%d/stat", (int)pid);
	AUTO(free_auto) char *stat = NULL;
	AUTO(err_clear) Err ignored = {0};
	long long user = 0, system = 0;
	const char *at;

	if (pid <= 0 || !file_read(path, 4096, &stat, NULL, &ignored))
		return 0;
	at = strrchr(stat, ')');
	if (!at || sscanf(at + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld %lld", &user,
			   &system) != 2)
		return 0;
	return user + system;
}

static int64_t file_bytes(const char *place)
{
	static const char *const parts[] = {"", "-wal", "-journal"};
	int64_t bytes = 0;

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		AUTO(free_auto) char *path = str_format("%s%s", place, parts[i]);
		struct stat about;

		if (stat(path, &about) == 0)
			bytes += about.st_size;
	}
	return bytes;
}

/* Our backend in the copy waits inside one long statement, and no byte comes back: the server knows
 * whether it works or whom it waits for. It is told from those of others by its name, which libpq
 * takes from the environment; a driver that does not leaves all of them to look at. */
#define SESSION_NAME "belay-migration"
#define ACTIVITY_SQL                                                                               \
	"WITH own AS (SELECT * FROM pg_stat_activity WHERE datname = current_database() "          \
	"AND pid <> pg_backend_pid()) "                                                            \
	"SELECT coalesce((SELECT CASE WHEN wait_event_type = 'Lock' THEN 'waiting ' || "           \
	"(SELECT string_agg(b || coalesce(' (' || concat_ws(', ', s.usename, "                     \
	"nullif(s.application_name, ''), s.client_addr) || ')', ''), '; ') "                       \
	"FROM unnest(pg_blocking_pids(own.pid)) b LEFT JOIN pg_stat_activity s ON s.pid = b) "     \
	"ELSE 'working' END FROM own WHERE state = 'active' "                                      \
	"AND (application_name = '" SESSION_NAME "' OR NOT EXISTS "                                \
	"(SELECT 1 FROM own WHERE application_name = '" SESSION_NAME "')) "                        \
	"ORDER BY wait_event_type = 'Lock' LIMIT 1), 'idle')"

static void ask_server(Watch *watch, int64_t now)
{
	const MigrationSpec *spec = watch->spec;
	AUTO(free_auto) char *answer = NULL;
	AUTO(err_clear) Err ignored = {0};

	watch->asked_at = now;
	if (!database_ask(spec->db, spec->place, ACTIVITY_SQL, &answer, &ignored) || !answer)
		return;
	if (str_is(answer, "working")) {
		watch->moved_at = now;
		str_replace(&watch->waiting, NULL);
	} else if (str_starts(answer, "waiting ")) {
		const char *blockers = answer + strlen("waiting ");

		if (!str_is(watch->waiting, blockers))
			event_notice("migration-waits", true,
				"migration %s waits for database process %s",
				watch->current ? watch->current : "", blockers);
		str_replace(&watch->waiting, blockers);
	}
}

static void look_for_movement(Watch *watch, int64_t now)
{
	const int64_t ticks = cpu_ticks(watch->pid);
	const int64_t bytes = database_is_sqlite(watch->spec->db) ? file_bytes(watch->spec->place)
								  : 0;

	if (ticks != watch->cpu_ticks || bytes != watch->bytes)
		watch->moved_at = now;
	watch->cpu_ticks = ticks;
	if (watch->place->container && process_peak_kb(watch->pid) > watch->peak_kb)
		watch->peak_kb = process_peak_kb(watch->pid);
	watch->bytes = bytes;
	if (watch->spec->ret_peak_bytes && bytes > *watch->spec->ret_peak_bytes)
		*watch->spec->ret_peak_bytes = bytes;
	if (!database_is_sqlite(watch->spec->db) && now - watch->moved_at > ASK_AFTER_MS &&
		now - watch->asked_at > ASK_AFTER_MS)
		ask_server(watch, now);
}

static bool on_tick(void *arg, Err *err)
{
	Watch *watch = arg;
	const int64_t now = clock_mono_ms();

	look_for_movement(watch, now);
	if (now - watch->moved_at <= watch->spec->stall_ms)
		return true;
	if (watch->waiting)
		return err_fail(err, ERR_TIMEOUT, "migration '%s' waits for database process %s",
			watch->current ? watch->current : "", watch->waiting);
	return err_fail(err, ERR_TIMEOUT, "migration '%s' is stuck: nothing has moved for %lld s",
		watch->current ? watch->current : "(none yet)",
		whole_seconds(watch->spec->stall_ms));
}

static bool build_env(const MigrationSpec *spec, const char *url, StrList *env, Err *err)
{
	Site lent = *spec->site;
	AUTO(strlist_clear) StrList own = {0};

	/* What came with the image that serves is the next image's own business. */
	if (site_in_container(spec->site)) {
		if (!site_container_env(spec->site, &own, err))
			return false;
		lent.recipe.env = own;
	}
	if (!guarded_env(&lent, url, spec->scratch_dir, env, err))
		return false;
	env_set(env, "ENABLE_DB_MIGRATIONS", "false");
	env_set(env, "BELAY_DATABASE_URL", url);
	env_set(env, "PGAPPNAME", SESSION_NAME);
	env_set(env, "BELAY_DATA_DIR", spec->scratch_dir);
	return true;
}

/* A missing driver shows only here: Python's last line names the module. */
static char *last_words(const char *tail)
{
	AUTO(free_auto) char *copy = str_dup(tail ? tail : "");
	const char *text = str_trim(copy);
	const char *line = strrchr(text, '\n');

	return str_dup(line ? line + 1 : *text ? text : "it said nothing");
}

/* The driver's own words say more than its exit status. */
static bool judge(const Watch *watch, const ProcResult *result, Err *err)
{
	const char *version = watch->spec->target->version;

	if (watch->refused) {
		err_fail(err, ERR_VERIFY, "release %s would not work on the copy: %s", version,
			watch->refused);
		return err_hint(err,
			"look for settings that name the database or data folder in the "
			"start script, '.env' and sitecustomize");
	}
	if (watch->failed)
		return err_fail(err, ERR_EXEC, "migration '%s' of release %s failed: %s",
			watch->current ? watch->current : "(before the first)", version,
			watch->failed);
	if (result->exit_code != 0 || !watch->finished) {
		AUTO(free_auto) char *words = last_words(result->err_tail);

		return err_fail(err, ERR_EXEC,
			"the migrations of release %s ended early at '%s' (exit %d, signal %d): %s",
			version, watch->current ? watch->current : "(before the first)",
			result->exit_code, result->signal, words);
	}
	return true;
}

bool alembic_upgrade(const MigrationSpec *spec, json_t **ret, Err *err)
{
	AUTO(watch_clear) Watch watch = {.spec = spec, .moved_at = clock_mono_ms()};
	AUTO(free_auto)
	char *url = spec->url ? str_dup(spec->url) : database_url_of(spec->db, spec->place);
	AUTO(strlist_clear) StrList env = {0};
	AUTO(alembic_place_end) AlembicPlace place = {0};
	AUTO(proc_result_clear) ProcResult result = {0};

	if (!build_env(spec, url, &env, err) || !alembic_place(spec, &env, &place, err))
		return false;
	watch.place = &place;
	const ProcSpec proc = {
		.argv = strlist_argv(&place.argv),
		.env = strlist_argv(&place.env),
		.dir = place.dir,
		.user = place.user,
		.input = driver,
		.log_file = spec->log_file,
		.on_line = on_line,
		.on_tick = on_tick,
		.arg = &watch,
		.timeout_ms = spec->limit_ms > 0 ? spec->limit_ms : TIMEOUT_MS,
		.exit_is_answer = true,
		.cage_fd = place.cage_fd,
	};
	watch.migrations = json_array();
	if (!proc_run(&proc, &result, err) || !judge(&watch, &result, err))
		return false;
	if (spec->ret_peak_kb)
		*spec->ret_peak_kb = place.container ? watch.peak_kb : result.max_rss_kb;
	*ret = TAKE(watch.migrations);
	return true;
}
