/* sweep.h - what killed runs left half made: scratch of proofs, rehearsals and migrations, packages
 * and images that were not taken in whole, the empty places of a restore from nothing. It goes
 * without being asked about, since nobody can need it. */
#pragma once
#include "config/site.h"
#include "journal/journal.h"

/* The caller holds the run lock, and no run is under way. */
bool sweep_scratch(const Site *site, Journal *journal, Err *err) NODISCARD;
