/* journal.h - the memory that survives a crash: runs, the phases of their steps, and named facts
 * that an undo needs. STATE/journal.db, SQLite in WAL mode with synchronous=FULL: what a function
 * here wrote before it returned true is on the disk.
 *
 * Order of use by the engine: run_begin; for each step note(INTENT), effect, note(DONE); when going
 * back note(UNDO_INTENT), undo, note(UNDONE); run_end. A run without an end is unfinished: there is
 * at most one, and nothing but resume may follow it.
 *
 * A journal written by a newer belay or of another site is refused (ERR_PERSON), a damaged one too
 * (each row has a sum), and an empty file: no action is ever taken on it. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

typedef struct Journal Journal;

typedef enum {
	PHASE_NONE,
	PHASE_INTENT,
	PHASE_DONE,
	PHASE_ALREADY,
	PHASE_UNDO_INTENT,
	PHASE_UNDONE
} Phase;

typedef struct Run {
	char *id;      /* 20261123-134812-upgrade */
	char *command; /* upgrade, rollback, backup, restore */
	char *outcome; /* upgraded, rolled-back, undone, …; NULL while unfinished */
	int exit_status;
	int64_t began_ms, ended_ms; /* wall clock; ended 0 while unfinished */
	json_t *result;             /* the result event's members; NULL while unfinished */
} Run;

typedef struct RunList {
	Run *items; /* newest first */
	size_t len;
} RunList;

/* `site` is its name: a journal belongs to one. Made when absent. */
bool journal_open(const char *path, const char *site, Journal **ret, Err *err) NODISCARD;
/* For status and history: *ret is NULL (and true) when there is no journal yet. Never writes. */
bool journal_open_read(const char *path, const char *site, Journal **ret, Err *err) NODISCARD;
void journal_close(Journal *journal);
DEFINE_AUTO(Journal, journal_close)

/* ERR_PERSON when an unfinished run exists. *ret_id is allocated. */
bool journal_run_begin(Journal *journal, const char *command, char **ret_id, Err *err) NODISCARD;
bool journal_run_end(Journal *journal, const char *run, const char *outcome, int exit_status,
	const json_t *result, Err *err) NODISCARD;
bool journal_unfinished(Journal *journal, Run *ret, bool *ret_any, Err *err) NODISCARD;
bool journal_run(
	Journal *journal, const char *run, Run *ret, Err *err) NODISCARD; /* ERR_USAGE: no such */
bool journal_runs(Journal *journal, size_t limit, RunList *ret, Err *err) NODISCARD;
/* The newest finished run with this outcome; *ret_any false if none. */
bool journal_last(
	Journal *journal, const char *outcome, Run *ret, bool *ret_any, Err *err) NODISCARD;

bool journal_note(Journal *journal, const char *run, const char *step, Phase phase, int64_t ms,
	Err *err) NODISCARD;
bool journal_phase(
	Journal *journal, const char *run, const char *step, Phase *ret, Err *err) NODISCARD;
typedef struct StepTime {
	char *step;
	Phase phase;
	int64_t ms;
} StepTime;
/* The last phase of every step of a run, in the order they were first noted. */
bool journal_steps(
	Journal *journal, const char *run, StepTime **ret, size_t *ret_len, Err *err) NODISCARD;
void step_times_free(StepTime *times, size_t len);

/* Facts: one text per (run, key); setting again replaces. Absent: *ret NULL. Never secrets. */
bool journal_fact_set(
	Journal *journal, const char *run, const char *key, const char *value, Err *err) NODISCARD;
bool journal_fact(
	Journal *journal, const char *run, const char *key, char **ret, Err *err) NODISCARD;

const char *phase_name(Phase phase);
void run_clear(Run *run);
void run_list_clear(RunList *list);
