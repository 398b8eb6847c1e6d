/* read_on.h - whether users read on while the data is copied and migrated, or wait in the dark: one
 * choice, made before anything is touched, from the site file (keys read_on, sqlite_freeze), the
 * release that serves (release/frozen_source.h) and the database itself. */
#pragma once
#include "database/database.h"

typedef struct ReadOn {
	bool reads;
	char *why;           /* English: why not; NULL when they read on */
	const char *instead; /* the line of the site file that chooses otherwise; NULL: none can */
	/* How long the copy may keep readers out: max_gap of the site file, or 0 for a release that
	 * takes that for the end of its users' sessions. */
	int64_t max_gap_ms;
} ReadOn;

/* ERR_REFUSED when the site file insists (read_on = yes) and it cannot be. `version`: what serves.
 * `ret_why` (may be NULL) is the reason as a person is told it; empty when they read on. */
bool read_on_choose(const Site *site, Database *db, const char *version, ReadOn *ret, Err *ret_why,
	Err *err) NODISCARD;
void read_on_clear(ReadOn *choice);
/* max_gap_ms alone, which does not ask the database. */
int64_t read_on_gap_ms(const Site *site, const char *version);
