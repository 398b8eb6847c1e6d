/* gate.h - the questions a started system must answer before it counts as up. All must hold:
 * the listener is ours (its mapped extension modules lie below this release and no other; in a venv
 * /proc/PID/exe is the base Python) and no other process of this site is alive; /health is JSON
 * {"status":true}; /ready, where it answers JSON (from 0.8.12 on; before, the SPA answers HTML with
 * 200), says ready; /api/version equals the target; /api/config does not turn `onboarding` on;
 * alembic_version is one row and equals the head of the release's files; the secret key's hash is
 * unchanged; rows, uploads and vector store did not vanish at the first start. Log lines and HTTP
 * status alone decide nothing.
 *
 * Both fill in the report on a no, too.
 *
 * gate_wait asks until yes, until the process is gone, or until nothing has moved (CPU time of the
 * process, growth of its log) for `start_timeout` of the site. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "database/database.h"
#include "release/release.h"

typedef struct GateSpec {
	const Site *site;
	Database *db;
	const Release *release; /* what must be running */
	const char *head;       /* revision the database must be at */
	const char *key_sha256; /* NULL: no key known */
	bool had_users;         /* onboarding must be off */
	const char *step;       /* for progress events */
	/* What a first start must not empty; users may be at work again, so less than half is a no.
	 * All may be left out. */
	const json_t *rows;      /* as invariants_measure() counted them before the migration */
	const char *uploads_dir; /* held `uploads` files before */
	int64_t uploads;
	const char *vector_dir; /* must be as readable as the one of before, */
	const char *vector_before;
	int64_t stay_ms; /* gate_wait: it must still be well after so long */
} GateSpec;

typedef struct GateReport {
	pid_t pid;
	json_t *answers;  /* [{"question": slug, "ok": true, "saw": "…"}, …] in order */
	json_t *findings; /* suspicious log lines; shown, never decisive */
	int64_t waited_ms;
} GateReport;

bool gate_wait(const GateSpec *spec, GateReport *ret, Err *err) NODISCARD;
/* Once, now; for status and watch. ERR_VERIFY names the first no. */
bool gate_ask(const GateSpec *spec, GateReport *ret, Err *err) NODISCARD;
void gate_report_clear(GateReport *report);
