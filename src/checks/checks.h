/* checks.h - everything that must be true before an upgrade, as a table; all are asked, all
 * findings are reported (EVENT_CHECK), none stops the others. Checks change nothing but scratch
 * databases of their own. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "database/database.h"
#include "release/release.h"
#include "release/migrations.h"

typedef enum { FINDING_OK, FINDING_WARNING, FINDING_REFUSED, FINDING_UNKNOWN } FindingKind;

typedef struct CheckCtx {
	const Site *site;
	Database *db;
	const Release *current;
	const char *version;          /* target; NULL: checks of the site alone */
	const char *package_dir;      /* the fetched target; NULL likewise */
	const Migrations *migrations; /* of the target; NULL likewise */
	const char *revision;         /* of the database now */
	/* What the target's migrations made of 100 bytes in an earlier rehearsal; 0: not known. */
	int growth_percent;
	bool only_rehearses; /* nobody's session is ended, and no database exchanged */
} CheckCtx;

typedef struct CheckSummary {
	int warnings, refusals;
	char *first_refusal; /* English text of it; NULL */
	char *first_refusal_local;
	char *first_hint;
	char *first_hint_local;
} CheckSummary;

/* Emits one event per check. An error is a failure to ask at all, not a finding. */
bool checks_run(const CheckCtx *ctx, CheckSummary *ret, Err *err) NODISCARD;
/* The one that every exchange of databases needs, also on a way back: ERR_REFUSED with the sessions
 * of others that nobody agreed to end (site->disconnect_others). */
bool checks_alone(const CheckCtx *ctx, Err *err) NODISCARD;
void check_summary_clear(CheckSummary *summary);
