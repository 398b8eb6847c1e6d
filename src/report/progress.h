/* progress.h - the live line: what is going on now and for how long, rewritten in place on a
 * terminal a few times a second at most; elsewhere a plain line now and then, so that a log grows
 * slowly. It is driven by events; long waits emit one each second. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "report/terminal.h"

typedef struct Progress {
	Out *out;
	bool off;         /* --quiet */
	bool shown;       /* something stands in the line */
	int64_t began_ms; /* of what is going on */
	int64_t drawn_ms; /* last time */
	char *what, *detail;
	char *users;                   /* what users can do, while that is not everything */
	int64_t users_ms, users_total; /* since when; predicted, -1: not */
} Progress;

/* Begin with a new thing (a step's title). */
void progress_begin(Progress *progress, const char *what);
/* News of it; `total` 0 when unknown. */
void progress_news(Progress *progress, const char *detail, int64_t done, int64_t total);
/* What users can do now, and for how long that is predicted (-1: not); NULL: everything. */
void progress_users(Progress *progress, const char *users, int64_t predicted_ms);
/* Empty the line, so that an ordinary one can be written; the next news draws it again. */
void progress_hide(Progress *progress);
void progress_end(Progress *progress); /* hide, and nothing is going on any more */
void progress_clear(Progress *progress);
