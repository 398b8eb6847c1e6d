/* prepare.h - what is known of a site and a target before anything is decided: releases, package,
 * migrations, revision; the checks; the plan. Used by check, upgrade and restore. */
#pragma once
#include "flows/session.h"
#include "release/migrations.h"

typedef struct Prepared {
	Database *db;
	Release current;
	char *version;     /* the target's */
	char *package_dir; /* fetched target */
	Migrations migrations;
	char *revision;      /* of the live database */
	StrList ahead;       /* revisions that will run */
	bool same;           /* the target is what serves already, database included */
	bool only_rehearses; /* nobody's session is ended, and no database exchanged */
} Prepared;

/* `wanted` NULL or "latest" resolves to the newest good release. */
bool prepare_target(const Site *site, const char *wanted, Prepared *ret, Err *err) NODISCARD;
/* Site only: no target. */
bool prepare_site(const Site *site, Prepared *ret, Err *err) NODISCARD;
/* Run the checks; refusals become ERR_REFUSED with the first reason. */
bool prepare_check(const Site *site, const Prepared *prepared, Err *err) NODISCARD;
/* Before the databases change places, for who runs no checks: ERR_REFUSED with the sessions of
 * others on them, unless somebody agreed to end those (site->disconnect_others). */
bool prepare_alone(const Site *site, const Prepared *prepared, Err *err) NODISCARD;
void prepared_clear(Prepared *prepared);

/* The plan as shown and confirmed (docs/json.md): steps in order, what is dark, migrations, sizes.
 */
json_t *plan_make(const Site *site, const char *command, const Prepared *prepared,
	const StepDef *const *steps);
/* "disk" and "restore": what proof, rehearsal and copy take, and how a set is restored for them. */
void plan_put_room(json_t *plan, const Site *site, const Prepared *prepared);
/* The facts that every changing run starts with. */
bool set_common_facts(RunCtx *ctx, const Prepared *prepared, Err *err) NODISCARD;
