/* retire.h - what nobody needs any more: old backup sets, releases, packages, leftovers. */
#pragma once
#include "base/list.h"
#include "journal/journal.h"
#include "steps/run_ctx.h"

typedef struct Retiring {
	StrList sets;      /* names */
	StrList leftovers; /* paths of folders in the backup folder */
	StrList releases;  /* paths: built by belay, older than what serves, not in a way back */
	StrList packages;  /* paths in STATE/packages */
	/* Of a site in a container: set aside by runs whose way back is gone, and ids. */
	StrList containers, images;
} Retiring;

/* `run`: what it refers to stays (NULL: no run is going on). `given_up`: the run whose way back is
 * about to go, or NULL; the release in it may go too. */
bool retire_choose(const Site *site, Journal *journal, const char *run, const char *given_up,
	Retiring *ret, Err *err) NODISCARD;
/* What cannot be removed is a notice; the rest goes on. Returns how many things went. */
size_t retire(const Site *site, const Retiring *retiring);
void retiring_clear(Retiring *retiring);
