#include "journal/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/sql.h"

#define JOURNAL_VERSION        1
#define JOURNAL_APPLICATION_ID 0x62656c61 /* "bela": a foreign SQLite file is not a journal */
#define BUSY_MS                5000
#define NO_RUN                 "" /* facts of the journal itself */
#define SITE_FACT              "site"

struct Journal {
	Sql *sql;
	char *path;
};

/* As SQLite keeps them: another text in a journal is another schema, or a flipped bit. Each row has
 * a sum of its own, since SQLite sees damage in its pages, but not in what they hold. */
static const char *const schema[] = {
	"CREATE TABLE run (id TEXT PRIMARY KEY, command TEXT NOT NULL, outcome TEXT,"
	" exit_status INTEGER, began_ms INTEGER NOT NULL, ended_ms INTEGER, result TEXT,"
	" sum TEXT NOT NULL)",
	"CREATE TABLE phase (seq INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL,"
	" step TEXT NOT NULL, phase INTEGER NOT NULL, at_ms INTEGER NOT NULL, ms INTEGER,"
	" sum TEXT NOT NULL)",
	"CREATE INDEX phase_of_run ON phase (run, step, seq)",
	("CREATE TABLE fact (run TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	 " sum TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID"),
};

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

/* ---- sums ---- */

#define SUM_SIZE 17 /* 64 bits as hexadecimal: against damage, not against forgery */

static void sum_add(Sha256 *sha, const char *value)
{
	/* Values that follow each other must not be read as others, NULL not as empty. */
	AUTO(free_auto)
	char *part = value ? str_format("%zu:%s", strlen(value), value) : str_dup("-");

	sha256_add(sha, part, strlen(part));
}

static void sum_end(Sha256 *sha, char ret[SUM_SIZE])
{
	char hex[SHA256_HEX_SIZE];

	sha256_finish(sha, hex);
	memcpy(ret, hex, SUM_SIZE - 1);
	ret[SUM_SIZE - 1] = '\0';
}

/* Of a row as it is bound: NULL-terminated, SQL_NULL for NULL. */
static const char *sum_of(char ret[SUM_SIZE], const char *const *values)
{
	AUTO(sha256_free_auto) Sha256 *sha = sha256_new();

	for (; *values; values++)
		sum_add(sha, *values == SQL_NULL ? NULL : *values);
	sum_end(sha, ret);
	return ret;
}

/* The sum, then what it is of. */
static bool check_sum(void *arg, const SqlRow *row, Err *err)
{
	AUTO(sha256_free_auto) Sha256 *sha = sha256_new();
	char sum[SUM_SIZE];

	for (int i = 1; i < sql_columns(row); i++)
		sum_add(sha, sql_text(row, i));
	sum_end(sha, sum);
	return str_is(sum, sql_text(row, 0)) || refuse(arg, "is damaged", err);
}

static bool check_sums(Journal *journal, Err *err)
{
	static const char *const rows[] = {
		"SELECT sum, id, command, outcome, exit_status, began_ms, ended_ms, result FROM run",
		"SELECT sum, run, step, phase, at_ms, ms FROM phase",
		"SELECT sum, run, key, value FROM fact",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (sql_rows(journal->sql, rows[i], NULL, check_sum, journal->path, err))
			continue;
		if (err->kind == ERR_PERSON)
			return false;
		err_clear(err);
		return refuse(journal->path, "cannot be read", err);
	}
	return true;
}

/* ---- opening ---- */

typedef struct Statements {
	size_t seen;
	bool other;
} Statements;

static bool compare_statement(void *arg, const SqlRow *row, Err *err UNUSED)
{
	Statements *statements = arg;
	const size_t at = statements->seen++;

	statements->other |= at >= COUNT_OF(schema) || !str_is(sql_text(row, 0), schema[at]);
	return true;
}

/* Nothing may follow from a journal that is damaged, foreign or from a newer belay. */
static bool judge(Journal *journal, Err *err)
{
	Sql *sql = journal->sql;
	AUTO(free_auto) char *sound = NULL;
	AUTO(err_clear) Err unread = {0};
	Statements statements = {0};
	int64_t application, version;

	if (!sql_value(sql, "PRAGMA integrity_check(1)", NULL, &sound, &unread) ||
		!pragma_int(sql, "PRAGMA application_id", &application, &unread) ||
		!pragma_int(sql, "PRAGMA user_version", &version, &unread) ||
		!sql_rows(sql,
			"SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid",
			NULL, compare_statement, &statements, &unread))
		return refuse(journal->path, "cannot be read", err);
	if (!str_is(sound, "ok"))
		return refuse(journal->path, "is damaged", err);
	if (statements.seen == 0 && application == 0)
		return refuse(journal->path, "is empty", err);
	if (application != JOURNAL_APPLICATION_ID)
		return refuse(journal->path, "is not a journal of belay", err);
	if (version > JOURNAL_VERSION)
		return refuse(journal->path, "was written by a newer belay", err);
	if (version != JOURNAL_VERSION || statements.other || statements.seen != COUNT_OF(schema))
		return refuse(journal->path, "is damaged", err);
	return check_sums(journal, err);
}

/* One that was copied from another site names other databases and folders. */
static bool judge_site(Journal *journal, const char *site, Err *err)
{
	AUTO(free_auto) char *written = NULL;

	if (!journal_fact(journal, NO_RUN, SITE_FACT, &written, err))
		return false;
	if (str_is(written, site))
		return true;
	err_fail(err, ERR_PERSON, "the journal '%s' is that of site '%s'; no action is taken on it",
		journal->path, written ? written : "");
	return err_hint(err, "move the journal of site '%s' back to its place", site);
}

static bool open_as(const char *path, const char *site, SqlMode mode, Journal **ret, Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NEW(Journal);
	struct stat about;

	journal->path = str_dup(path);
	/* SQLite would wait for ever at a pipe. */
	if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
		return refuse(path, "is not a file", err);
	if (!sql_open(path, mode, BUSY_MS, &journal->sql, err))
		return err_wrap(err, "opening the journal '%s'", path);
	if (!judge(journal, err) || !judge_site(journal, site, err))
		return false;
	if (mode == SQL_WRITE &&
		!sql_script(
			journal->sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err))
		return err_wrap(err, "opening the journal");
	*ret = TAKE(journal);
	return true;
}

static bool write_schema(Journal *journal, const char *site, Err *err)
{
	if (!sql_run(journal->sql, "BEGIN IMMEDIATE", NULL, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(schema); i++)
		if (!sql_run(journal->sql, schema[i], NULL, err))
			return false;
	return sql_script(journal->sql,
		       "PRAGMA application_id = 1650814049; PRAGMA user_version = 1;", err) &&
	       journal_fact_set(journal, NO_RUN, SITE_FACT, site, err) &&
	       sql_run(journal->sql, "COMMIT", NULL, err);
}

/* Whole under another name, then renamed: an empty file in its place is never a new journal, but
 * one that was cut. */
static bool make(const char *path, const char *site, Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NEW(Journal);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(free_auto) char *left = NULL;

	journal->path = str_format("%s.new", path);
	left = str_format("%s-journal", journal->path);
	if (!dir_make(folder, 0700, err) || !file_remove(journal->path, err) ||
		!file_remove(left, err) ||
		!sql_open(journal->path, SQL_CREATE, BUSY_MS, &journal->sql, err) ||
		!write_schema(journal, site, err))
		return false;
	sql_close(TAKE(journal->sql));
	return file_rename(journal->path, path, err);
}

bool journal_open(const char *path, const char *site, Journal **ret, Err *err)
{
	if (file_kind(path) == FILE_ABSENT && !make(path, site, err))
		return err_wrap(err, "making the journal '%s'", path);
	return open_as(path, site, SQL_WRITE, ret, err);
}

bool journal_open_read(const char *path, const char *site, Journal **ret, Err *err)
{
	*ret = NULL;
	if (!file_exists(path))
		return true;
	return open_as(path, site, SQL_READ, ret, err);
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
	char when[NUMBER_SIZE], sum[SUM_SIZE];
	int64_t now = clock_wall_ms();
	Run open = {0};
	bool any = false;

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
		number(when, now);
		sum_of(sum, ARGV(id, command, SQL_NULL, SQL_NULL, when, SQL_NULL, SQL_NULL));
		if (!sql_run(journal->sql,
			    "INSERT INTO run (id, command, began_ms, sum) VALUES (?1, ?2, ?3, ?4)",
			    ARGV(id, command, when, sum), err))
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
	const char *stored = masked ? masked : SQL_NULL;
	char status[NUMBER_SIZE], began[NUMBER_SIZE], when[NUMBER_SIZE], sum[SUM_SIZE];
	AUTO(run_clear) Run begun = {0};

	if (!journal_run(journal, run, &begun, err))
		return false;
	number(status, exit_status);
	number(when, clock_wall_ms());
	sum_of(sum, ARGV(run, begun.command, outcome, status, number(began, begun.began_ms), when,
			    stored));
	if (!sql_run(journal->sql,
		    "UPDATE run SET outcome = ?2, exit_status = ?3, ended_ms = ?4, result = ?5,"
		    " sum = ?6 WHERE id = ?1",
		    ARGV(run, outcome, status, when, stored, sum), err))
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

	return (size_t)phase < COUNT_OF(names) ? names[phase] : "unknown";
}

bool journal_note(
	Journal *journal, const char *run, const char *step, Phase phase, int64_t ms, Err *err)
{
	char which[NUMBER_SIZE], when[NUMBER_SIZE], took[NUMBER_SIZE], sum[SUM_SIZE];

	number(which, (int64_t)phase);
	number(when, clock_wall_ms());
	number(took, ms);
	sum_of(sum, ARGV(run, step, which, when, took));
	if (!sql_run(journal->sql,
		    "INSERT INTO phase (run, step, phase, at_ms, ms, sum)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		    ARGV(run, step, which, when, took, sum), err))
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
	char sum[SUM_SIZE];

	/* Not masked: a masked name of a database or folder could not be acted on any more. */
	sum_of(sum, ARGV(run, key, value));
	if (!sql_run(journal->sql,
		    "INSERT INTO fact (run, key, value, sum) VALUES (?1, ?2, ?3, ?4)"
		    " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, sum = excluded.sum",
		    ARGV(run, key, value, sum), err))
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
