/* alembic.h - run a release's own migrations against a copy, in an environment that cannot reach
 * the live data.
 *
 * The release's Python runs our driver (data/migrate.py, on stdin) in PACKAGE. The environment is
 * the recipe's, in which these are *set*, never unset (`.env` would put them back): DATABASE_URL,
 * every DATABASE_* part, PGVECTOR_DB_URL, DATA_DIR (a scratch folder), WEBUI_SECRET_KEY,
 * ENABLE_DB_MIGRATIONS=false. Before its first statement the driver asks the release which database
 * and folder it would open; any other answer ends it. A migration that "succeeds" proves nothing
 * (Open WebUI <= 0.11.2 swallows errors when it migrates by itself): the caller compares the
 * revision afterwards. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "database/database.h"
#include "release/release.h"

typedef struct MigrationSpec {
	const Site *site;
	const Release *target;
	Database *db;
	const char *place;       /* the spare */
	const char *scratch_dir; /* DATA_DIR for the run; made and removed by the caller */
	const char *log_file;
	int64_t stall_ms; /* end it when nothing has moved for so long */
	int64_t limit_ms; /* end it after so long in any case; 0: no such limit */
	const char *step; /* for progress events */
	int expected;     /* revisions to run, for progress */
	/* For a rehearsal: */
	const char *url;      /* of the place as seen from the cage; NULL: as from here */
	int cage_fd;          /* as in ProcSpec (proc.h); 0: none */
	const char *network;  /* of a container's site: the container whose network it shares */
	int64_t *ret_peak_kb; /* memory at its largest; NULL: not asked */
	/* SQLite: the files at their largest, as far as one look a second sees; NULL: not asked */
	int64_t *ret_peak_bytes;
} MigrationSpec;

/* *ret: [{"revision": id, "from": id, "ms": n}, …] in order of running. */
bool alembic_upgrade(const MigrationSpec *spec, json_t **ret, Err *err) NODISCARD;
