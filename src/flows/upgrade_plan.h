/* upgrade_plan.h - what the plan of an upgrade says beyond its steps: whether users read on and
 * whether the next server starts prewarmed, why not, what the other choice costs, and how long
 * users will wait by the last rehearsal of that version. */
#pragma once
#include "database/read_on.h"
#include "flows/prepare.h"

/* Adds `reading`, `start`, `dark_ms`, `read_only_ms`. An ordinary start is a notice. */
void upgrade_plan_add(
	const Site *site, const Prepared *prepared, const ReadOn *choice, json_t *plan);
