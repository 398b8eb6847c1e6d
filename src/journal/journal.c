#include "journal/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/sql.h"

#define JOURNAL_VERSION        1
#define JOURNAL_APPLICATION_ID 0x62656c61 /* "bela": a foreign SQLite file is not a journal */
#define BUSY_MS                5000

struct Journal {
	Sql *sql;
	char *path;
};

static const char schema[] =
	"CREATE TABLE run (id TEXT PRIMARY KEY, command TEXT NOT NULL, outcome TEXT,"
	" exit_status INTEGER, began_ms INTEGER NOT NULL, ended_ms INTEGER, result TEXT);"
	"CREATE TABLE phase (seq INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL,"
	" step TEXT NOT NULL, phase INTEGER NOT NULL, at_ms INTEGER NOT NULL, ms INTEGER);"
	"CREATE INDEX phase_of_run ON phase (run, step, seq);"
	"CREATE TABLE fact (run TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (run, key)) WITHOUT ROWID;"
	"PRAGMA application_id = 1650814049;"
	"PRAGMA user_version = 1;";

/* Integers as bound texts: SQLite's column affinity turns them back into integers. */
#define NUMBER_SIZE 24
static const char *number(char buffer[NUMBER_SIZE], int64_t value)
{
	snprintf(buffer, NUMBER_SIZE, "%" PRId64, value);
	return buffer;
}

static bool pragma_int(Sql *sql, const char *query, int64_t *ret, Err *err)
{
	AUTO(free_auto) char *value = NULL;

	if (!sql_value(sql, query, NULL, &value, err))
		return false;
	*ret = value ? strtoll(value, NULL, 10) : 0;
	return true;
}

static bool refuse(const char *path, const char *why, Err *err)
{
	err_fail(err, ERR_PERSON, "the journal '%s' %s; no action is taken on it", path, why);
	err_hint(err,
		"keep the file, and find out by `belay logs` and by hand what the last run did");
	return false;
}

/* Nothing may follow from a journal that is damaged, foreign or from a newer belay. */
static bool judge(Sql *sql, const char *path, bool *ret_empty, Err *err)
{
	AUTO(free_auto) char *sound = NULL;
	int64_t application, version, tables;
	Err unread = {0};

	if (!sql_value(sql, "PRAGMA quick_check(1)", NULL, &sound, &unread) ||
		!pragma_int(sql, "PRAGMA application_id", &application, &unread) ||
		!pragma_int(sql, "PRAGMA user_version", &version, &unread) ||
		!pragma_int(sql, "SELECT count(*) FROM sqlite_master", &tables, &unread)) {
		err_clear(&unread);
		return refuse(path, "cannot be read", err);
	}
	if (!str_is(sound, "ok"))
		return refuse(path, "is damaged", err);
	*ret_empty = tables == 0 && application == 0;
	if (*ret_empty)
		return true;
	if (application != JOURNAL_APPLICATION_ID)
		return refuse(path, "is not a journal of belay", err);
	if (version > JOURNAL_VERSION)
		return refuse(path, "was written by a newer belay", err);
	return true;
}

static bool prepare(Journal *journal, bool write, Err *err)
{
	bool empty;

	if (!judge(journal->sql, journal->path, &empty, err))
		return false;
	if (!write)
		return empty ? refuse(journal->path, "is empty", err) : true;
	if (!sql_script(journal->sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err))
		return err_wrap(err, "opening the journal");
	if (!empty)
		return true;
	if (!sql_run(journal->sql, "BEGIN IMMEDIATE", NULL, err) ||
		!sql_script(journal->sql, schema, err) ||
		!sql_run(journal->sql, "COMMIT", NULL, err))
		return err_wrap(err, "making the journal '%s'", journal->path);
	return true;
}

static bool open_as(const char *path, SqlMode mode, Journal **ret, Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NEW(Journal);

	journal->path = str_dup(path);
	if (!sql_open(path, mode, BUSY_MS, &journal->sql, err))
		return err_wrap(err, "opening the journal '%s'", path);
	if (!prepare(journal, mode != SQL_READ, err))
		return false;
	*ret = TAKE(journal);
	return true;
}

bool journal_open(const char *path, Journal **ret, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(path);

	return dir_make(folder, 0700, err) && open_as(path, SQL_CREATE, ret, err);
}

bool journal_open_read(const char *path, Journal **ret, Err *err)
{
	*ret = NULL;
	if (!file_exists(path))
		return true;
	return open_as(path, SQL_READ, ret, err);
}

void journal_close(Journal *journal)
{
	if (!journal)
		return;
	sql_close(journal->sql);
	free(journal->path);
	free(journal);
}

/* ---- runs ---- */

#define RUN_COLUMNS "SELECT id, command, outcome, exit_status, began_ms, ended_ms, result FROM run "

static bool run_of_row(const SqlRow *row, Run *ret, Err *err)
{
	const char *result = sql_text(row, 6);

	*ret = (Run){
		.id = str_dup(sql_text(row, 0)),
		.command = str_dup(sql_text(row, 1)),
		.outcome = str_dup(sql_text(row, 2)),
		.exit_status = (int)sql_int(row, 3),
		.began_ms = sql_int(row, 4),
		.ended_ms = sql_int(row, 5),
	};
	if (result && !json_parse(result, strlen(result), 4 * 1024 * 1024, &ret->result, err)) {
		run_clear(ret);
		return err_wrap(err, "reading a result from the journal");
	}
	return true;
}

static bool collect_run(void *arg, const SqlRow *row, Err *err)
{
	RunList *list = arg;

	list->items = mem_resize(list->items, list->len + 1, sizeof(Run));
	if (!run_of_row(row, &list->items[list->len], err))
		return false;
	list->len++;
	return true;
}

static bool one_run(
	Journal *journal, const char *query, const char *param, Run *ret, bool *ret_any, Err *err)
{
	RunList list = {0};

	if (!sql_rows(journal->sql, query, param ? ARGV(param) : NULL, collect_run, &list, err)) {
		run_list_clear(&list);
		return err_wrap(err, "reading the journal");
	}
	*ret_any = list.len > 0;
	if (list.len > 0)
		*ret = list.items[0];
	free(list.items); /* the queries have LIMIT 1 */
	return true;
}

static char *new_run_id(const char *command, int64_t now, int attempt)
{
	AUTO(free_auto) char *stamp = clock_compact(now);

	if (attempt == 0)
		return str_format("%s-%s", stamp, command);
	return str_format("%s-%s-%d", stamp, command, attempt + 1);
}

bool journal_run_begin(Journal *journal, const char *command, char **ret_id, Err *err)
{
	char when[NUMBER_SIZE];
	int64_t now = clock_wall_ms();
	Run open = {0};
	bool any;

	if (!journal_unfinished(journal, &open, &any, err))
		return false;
	if (any) {
		err_fail(err, ERR_PERSON, "run '%s' is unfinished", open.id);
		run_clear(&open);
		return err_hint(err, "belay resume");
	}
	for (int attempt = 0; attempt < 100; attempt++) {
		AUTO(free_auto) char *id = new_run_id(command, now, attempt);
		AUTO(free_auto) char *taken = NULL;

		if (!sql_value(journal->sql, "SELECT id FROM run WHERE id = ?1", ARGV(id), &taken,
			    err))
			return err_wrap(err, "reading the journal");
		if (taken)
			continue;
		if (!sql_run(journal->sql,
			    "INSERT INTO run (id, command, began_ms) VALUES (?1, ?2, ?3)",
			    ARGV(id, command, number(when, now)), err))
			return err_wrap(err, "writing the journal");
		*ret_id = TAKE(id);
		return true;
	}
	return err_fail(err, ERR_INTERNAL, "no free run id for '%s'", command);
}

bool journal_run_end(Journal *journal, const char *run, const char *outcome, int exit_status,
	const json_t *result, Err *err)
{
	AUTO(free_auto) char *plain = result ? json_line(result) : NULL;
	AUTO(free_auto) char *masked = redact(plain);
	char status[NUMBER_SIZE], when[NUMBER_SIZE];

	if (!sql_run(journal->sql,
		    "UPDATE run SET outcome = ?2, exit_status = ?3, ended_ms = ?4, result = ?5 WHERE id = ?1",
		    ARGV(run, outcome, number(status, exit_status), number(when, clock_wall_ms()),
			    masked ? masked : SQL_NULL),
		    err))
		return err_wrap(err, "writing the end of the run into the journal");
	return true;
}

bool journal_unfinished(Journal *journal, Run *ret, bool *ret_any, Err *err)
{
	return one_run(journal, RUN_COLUMNS "WHERE outcome IS NULL ORDER BY began_ms DESC LIMIT 1",
		NULL, ret, ret_any, err);
}

bool journal_run(Journal *journal, const char *run, Run *ret, Err *err)
{
	bool any = false;

	if (!one_run(journal, RUN_COLUMNS "WHERE id = ?1 LIMIT 1", run, ret, &any, err))
		return false;
	if (any)
		return true;
	err_fail(err, ERR_USAGE, "there is no run '%s'", run);
	return err_hint(err, "belay history");
}

bool journal_last(Journal *journal, const char *outcome, Run *ret, bool *ret_any, Err *err)
{
	return one_run(journal,
		RUN_COLUMNS "WHERE outcome = ?1 ORDER BY began_ms DESC, id DESC LIMIT 1", outcome,
		ret, ret_any, err);
}

bool journal_runs(Journal *journal, size_t limit, RunList *ret, Err *err)
{
	char most[NUMBER_SIZE];
	RunList list = {0};

	if (!sql_rows(journal->sql, RUN_COLUMNS "ORDER BY began_ms DESC, id DESC LIMIT ?1",
		    ARGV(number(most, (int64_t)limit)), collect_run, &list, err)) {
		run_list_clear(&list);
		return err_wrap(err, "reading the journal");
	}
	*ret = list;
	return true;
}

void run_clear(Run *run)
{
	free(run->id);
	free(run->command);
	free(run->outcome);
	json_decref(run->result);
	*run = (Run){0};
}

void run_list_clear(RunList *list)
{
	for (size_t i = 0; i < list->len; i++)
		run_clear(&list->items[i]);
	free(list->items);
	*list = (RunList){0};
}

/* ---- phases and facts ---- */

const char *phase_name(Phase phase)
{
	static const char *const names[] = {
		"none", "intent", "done", "already", "undo-intent", "undone"};

	return names[phase];
}

bool journal_note(
	Journal *journal, const char *run, const char *step, Phase phase, int64_t ms, Err *err)
{
	char which[NUMBER_SIZE], when[NUMBER_SIZE], took[NUMBER_SIZE];

	if (!sql_run(journal->sql,
		    "INSERT INTO phase (run, step, phase, at_ms, ms) VALUES (?1, ?2, ?3, ?4, ?5)",
		    ARGV(run, step, number(which, (int64_t)phase), number(when, clock_wall_ms()),
			    number(took, ms)),
		    err))
		return err_wrap(
			err, "writing '%s' of step '%s' into the journal", phase_name(phase), step);
	return true;
}

bool journal_phase(Journal *journal, const char *run, const char *step, Phase *ret, Err *err)
{
	AUTO(free_auto) char *phase = NULL;

	if (!sql_value(journal->sql,
		    "SELECT phase FROM phase WHERE run = ?1 AND step = ?2 ORDER BY seq DESC LIMIT 1",
		    ARGV(run, step), &phase, err))
		return err_wrap(err, "reading the journal");
	*ret = phase ? (Phase)strtol(phase, NULL, 10) : PHASE_NONE;
	if (*ret > PHASE_UNDONE)
		return refuse(journal->path, "has a phase that this belay does not know", err);
	return true;
}

typedef struct TimeList {
	StepTime *items;
	size_t len;
} TimeList;

static bool collect_time(void *arg, const SqlRow *row, Err *err UNUSED)
{
	TimeList *list = arg;

	list->items = mem_resize(list->items, list->len + 1, sizeof(StepTime));
	list->items[list->len++] = (StepTime){
		.step = str_dup(sql_text(row, 0)),
		.phase = (Phase)sql_int(row, 1),
		.ms = sql_int(row, 2),
	};
	return true;
}

bool journal_steps(Journal *journal, const char *run, StepTime **ret, size_t *ret_len, Err *err)
{
	TimeList list = {0};

	if (!sql_rows(journal->sql,
		    "SELECT step, phase, ms FROM phase p WHERE run = ?1 AND seq ="
		    " (SELECT max(seq) FROM phase WHERE run = p.run AND step = p.step)"
		    " ORDER BY (SELECT min(seq) FROM phase WHERE run = p.run AND step = p.step)",
		    ARGV(run), collect_time, &list, err)) {
		step_times_free(list.items, list.len);
		return err_wrap(err, "reading the journal");
	}
	*ret = list.items;
	*ret_len = list.len;
	return true;
}

void step_times_free(StepTime *times, size_t len)
{
	for (size_t i = 0; i < len; i++)
		free(times[i].step);
	free(times);
}

bool journal_fact_set(
	Journal *journal, const char *run, const char *key, const char *value, Err *err)
{
	/* Not masked: a masked name of a database or folder could not be acted on any more. */
	if (!sql_run(journal->sql,
		    "INSERT INTO fact (run, key, value) VALUES (?1, ?2, ?3)"
		    " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
		    ARGV(run, key, value), err))
		return err_wrap(err, "writing '%s' into the journal", key);
	return true;
}

bool journal_fact(Journal *journal, const char *run, const char *key, char **ret, Err *err)
{
	if (!sql_value(journal->sql, "SELECT value FROM fact WHERE run = ?1 AND key = ?2",
		    ARGV(run, key), ret, err))
		return err_wrap(err, "reading '%s' from the journal", key);
	return true;
}
