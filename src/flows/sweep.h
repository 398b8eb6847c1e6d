/* sweep.h - what killed runs left half made: scratch of proofs, rehearsals and migrations, packages
 * and images that were not taken in whole. It goes without being asked about, since nobody can need
 * it. */
#pragma once
#include "config/site.h"

/* The caller holds the run lock, and no run is under way. */
bool sweep_scratch(const Site *site, Err *err) NODISCARD;
