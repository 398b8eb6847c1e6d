/* prober.h - what users get while a run goes on, seen from outside: a thread asks the site over
 * HTTP several times a second, each time on a connection of its own that is closed, so that a
 * server that is to stop has nobody to wait for.
 *
 * Two questions: /health, and /api/config, which every page begins with and which reads the
 * database. Not /health/db: until 0.8 it goes through a session that stays broken once its
 * connection was ended.
 *
 * Dark is from the last good answer before a failed question to the first good one after it.
 * Saving is never tried, it would change users' data: that it is refused is told by
 * prober_users(), and read-only is the part of that in which questions were answered well.
 *
 * The thread emits no events and writes nothing. */
#pragma once
#include <stdint.h>

#include "base/cleanup.h"
#include "config/site.h"

typedef enum {
	PROBE_WORKING, /* asked now and then */
	PROBE_READERS, /* saving is refused from now on */
	PROBE_NOBODY,  /* dark, as far as the run knows */
} ProbePhase;

typedef struct ProbeFigures {
	int64_t dark_ms, read_only_ms;
	int64_t longest_ms; /* of the dark times */
	int64_t asked, failed;
	bool known; /* there was a good answer to begin with */
} ProbeFigures;

typedef struct Prober Prober;

bool prober_start(const Site *site, Prober **ret, Err *err) NODISCARD;
void prober_users(Prober *prober, ProbePhase phase); /* any time; NULL: nothing */
/* Ends the thread at once, also in the middle of a question. A dark time that goes on counts up to
 * now. Frees the prober. */
void prober_end(Prober *prober, ProbeFigures *ret);
static inline void prober_drop(Prober *prober)
{
	ProbeFigures ignored;

	prober_end(prober, &ignored);
}
DEFINE_AUTO(Prober, prober_drop)
