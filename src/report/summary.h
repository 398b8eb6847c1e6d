/* summary.h - what a run amounted to: the word for an outcome, the procedure's four checks
 * answered from true sources, and the report of a run as Markdown for a ticket. All in the language
 * of the screen. The members of a result are those of docs/json.md. */
#pragma once
#include "base/event.h"
#include "base/text.h"

/* The word for an outcome of docs/json.md: "rolled back"; NULL is "unfinished". */
const char *summary_outcome(const char *outcome);
/* Another release or database serves than before the run. */
bool summary_exchanged(const json_t *result);
/* And it came in place of one that is kept: not so after a restore on an empty machine. */
bool summary_has_way_back(const json_t *result);
/* "dark for 9.4 s as seen from outside (9.3 s by its own account), read-only for 1 min 39 s (1 min
 * 38 s), 4 min 02 s in all"; "" when there are no times. */
char *summary_times(const json_t *result);
/* "dark_ms" or "read_only_ms" of a result: as seen from outside, else by its own account; -1. */
int64_t summary_users_ms(const json_t *result, const char *key);

/* By hand, an upgrade was judged by four lines of the log, all of which also appear when it failed.
 * The same four questions, in that order; `saw` is NULL when the result does not tell. */
enum { SUMMARY_CHECKS = 4 };
typedef struct SummaryCheck {
	const char *question; /* translated */
	char *saw;
} SummaryCheck;
void summary_checks(const json_t *result, SummaryCheck ret[SUMMARY_CHECKS]);
void summary_checks_clear(SummaryCheck checks[SUMMARY_CHECKS]);

/* Listens to a run and can tell it as Markdown at any time. */
typedef struct Summary Summary;
Summary *summary_new(void);
void summary_free(Summary *summary);
DEFINE_AUTO(Summary, summary_free)
void summary_hear(Summary *summary, const Event *event);
char *summary_markdown(const Summary *summary);
