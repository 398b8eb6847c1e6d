/* known_bad.h - releases with a known defect as a target, with the reason; a table of data. */
#pragma once
#include <stdbool.h>

typedef struct KnownBad {
	const char *first, *last; /* inclusive */
	bool only_postgres, only_sqlite;
	bool refuse;             /* else a warning */
	const char *from_before; /* applies only when the source is older than this; NULL: always */
	const char *reason;      /* N_("…") */
} KnownBad;

/* The first row that fits, or NULL. `from` may be NULL. */
const KnownBad *known_bad_find(const char *version, const char *from, bool sqlite);
