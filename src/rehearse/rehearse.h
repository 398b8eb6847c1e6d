/* rehearse.h - know before you go: the target's real migrations on a copy of the real data, then
 * one boot of the target against it, in a cage, asked the gate's questions.
 *
 * The copy is the scratch database that the proof of the backup restored, or is restored here. The
 * cage is a network namespace whose only way out is a relay to the database (PostgreSQL; SQLite
 * needs none), where the rights allow it; else the report says that there was none. The boot runs
 * on a scratch DATA_DIR with a copy of the vector store (reflink where possible), never on a live
 * folder.
 *
 * Everything scratch is gone afterwards; after kill -9 rehearse_sweep() (called by the next run and
 * by resume) removes what is marked as belay's own and belongs to no living run.
 *
 * The report is kept as STATE/rehearsals/VERSION.json, the list of modules that the boot loaded as
 * STATE/rehearsals/VERSION.modules (for prewarm.h). */
#pragma once
#include <stdint.h>

#include "backup/backup.h"
#include "base/json.h"
#include "database/server_work.h"
#include "release/migrations.h"
#include "release/release.h"

typedef struct RehearsalSpec {
	const Site *site;
	Database *db; /* the site's; the copy lies on the server of database_rehearsal() */
	const Release *target;
	const Release *current; /* what serves now: booted first, on the data as they are, so that
				 * the way back is rehearsed too; NULL: not */
	const Migrations *migrations;
	const char *revision; /* of the data now */
	const BackupSet *set;
	/* The scratch database that the proof of `set` restored, marked as made by `run`, and what
	 * restoring it took. It is gone afterwards, whatever happens. NULL, or no such database any
	 * more: `set` is restored here. */
	const char *scratch;
	int64_t scratch_ms;
	ServerWork scratch_work;
	const char *run;
	const char *folder; /* for logs */
} RehearsalSpec;

typedef struct Rehearsal {
	json_t *migrations; /* [{"revision", "ms"}] */
	int64_t migrate_ms, boot_ms, copy_ms;
	int64_t peak_rss_kb, waiting_pss_kb;
	int64_t bytes_before, bytes_after;
	ServerWork work;               /* for the copy and its migrations */
	int64_t peak_bytes;            /* SQLite: of its files while the migrations ran; else 0 */
	json_t *rows;                  /* {"table": {"before": n, "after": n}} where they differ */
	int64_t dark_ms, read_only_ms; /* predicted */
	bool caged;
	char *server;   /* where it was rehearsed, when not on the site's own; else NULL */
	char *modules;  /* path of the list; NULL: none */
	json_t *report; /* all of it, as written to the file */
} Rehearsal;

/* ERR_REFUSED with the reason when the target cannot migrate or serve this data. */
bool rehearse(const RehearsalSpec *spec, Rehearsal *ret, Err *err) NODISCARD;
/* The last report for a version; *ret_found false if there is none. */
bool rehearsal_load(
	const Site *site, const char *version, Rehearsal *ret, bool *ret_found, Err *err) NODISCARD;
/* The list of what a serving process of that version had loaded, for prewarm.h; NULL: none yet. */
char *rehearsal_modules(const Site *site, const char *version);
bool rehearse_sweep(const Site *site, Database *db, Err *err) NODISCARD;
void rehearsal_clear(Rehearsal *rehearsal);
