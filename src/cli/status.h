/* status.h - everything that `belay status` tells, as the members of its result (docs/json.md).
 * Uses no network, changes nothing, and works while a run holds the site. What cannot be asked is
 * null with the reason in `errors`, and in the language of the screen in `errors_local`, which is
 * no part of the result. */
#pragma once
#include "base/json.h"
#include "config/site.h"

json_t *status_read(const Site *site);
