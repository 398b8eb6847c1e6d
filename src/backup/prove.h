/* prove.h - no backup counts until it has been restored. A set is proven by restoring it into a
 * scratch database and comparing: tables, row counts, order-independent content digests, sequences,
 * indexes, constraints, extensions, owners and the revision, against the figures that its manifest
 * recorded from the same snapshot as the dump. SQLite: integrity_check, foreign_key_check, digests.
 * Files: SHA-256 of each, re-read. The verdict is written into the manifest ("proven": when, how,
 * how long), so `status`, `backups` and `upgrade` tell proven from unproven sets.
 *
 * The scratch database is made on the server of database_rehearsal(); owners are not compared on
 * another one than the site's.
 *
 * A dump made by hand (openwebui_backup_*.dump) is proven as a database: it can be restored and is
 * an Open WebUI's. What it lacks is said as a notice; the verdict lies in STATE/proofs. */
#pragma once
#include "backup/backup.h"
#include "base/list.h"
#include "database/server_work.h"

typedef struct ProofReport {
	StrList findings; /* translated; empty: proven */
	StrList texts;    /* the same in English */
	StrList slugs; /* stable words, one a finding: "missing-file", "digest", "foreign-site" … */
	int64_t ms;
	char *how;     /* "restored in parallel with pg_restore 15.18", … */
	char *scratch; /* the scratch database, when asked to keep it for a rehearsal; NULL */
	int64_t restore_ms;
	ServerWork work; /* for restoring */
} ProofReport;

/* false with err only when it could not be tried. Findings are an answer. `run` marks the scratch
 * database as ours. */
bool backup_prove(BackupSet *set, const Site *site, Database *db, const char *run,
	bool keep_scratch, ProofReport *ret, Err *err) NODISCARD;
/* Emits a check event for each finding; ERR_REFUSED with the first of them when there are any. */
bool proof_judge(const BackupSet *set, const ProofReport *report, Err *err) NODISCARD;
void proof_report_clear(ProofReport *report);
/* What killed proofs left: scratch databases and files, but those of `run` (NULL: all). The caller
 * holds the run lock. */
bool backup_prove_sweep(const Site *site, Database *db, const char *run, Err *err) NODISCARD;
