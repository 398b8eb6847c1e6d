/* run_ctx.h - what the steps of one run work on: the site, its database, the release it comes from
 * and the one it goes to, and the facts in the journal that an undo or a resume needs.
 *
 * run_ctx_open() loads all of it from the site and the journal, so a resumed run stands where the
 * first one stood. A fact is written before the effect it describes. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "database/database.h"
#include "engine/step.h"
#include "journal/journal.h"
#include "release/migrations.h"
#include "release/release.h"

/*      constant        name in the journal     what it holds */
#define FACTS(X)                                                                                   \
	X(FROM_VERSION, "from.version") /* what serves before the run */                           \
	X(FROM_HOME, "from.home")       /* its folder once ENV is a link */                        \
	X(FROM_FOLDED, "from.folded")   /* "yes": ENV was a real folder before */                  \
	X(TO_VERSION, "to.version")                                                                \
	X(TO_HOME, "to.home")                                                                      \
	X(REVISION_BEFORE, "revision.before")                                                      \
	X(REVISION_AFTER, "revision.after")                                                        \
	X(SERVER_ID, "database.server")                                                            \
	X(LIVE_ID, "database.live") /* id of the database that served before the run */            \
	X(SPARE, "database.spare")  /* the other place */                                          \
	X(SPARE_ID, "database.spare-id")                                                           \
	X(SPARE_MADE, "database.made") /* "yes": this run made what is in the spare */             \
	X(PROOF, "database.proof")                                                                 \
	X(UPLOADS, "uploads")        /* how many files there were when the service was stopped */  \
	X(MARKS, "database.marks")   /* what was there when users came back */                     \
	X(COUNTS, "database.counts") /* rows before the migration */                               \
	X(VECTOR_LIVE, "vector.live")                                                              \
	X(VECTOR_SPARE, "vector.spare")                                                            \
	X(VECTOR_LIVE_ID, "vector.live-id")                                                        \
	X(VECTOR_SPARE_ID, "vector.spare-id")                                                      \
	X(VECTOR_MADE, "vector.made")                                                              \
	X(DATA_MOVED, "data.moved") /* "yes": this run moved the data out of the release */        \
	X(KEY_SHA256, "key.sha256")                                                                \
	X(HAD_USERS, "had-users")                                                                  \
	X(WAS_RUNNING, "was-running")                                                              \
	X(BACKUP_BEGUN, "backup.begun") /* its name before it is there */                          \
	X(BACKUP, "backup")                                                                        \
	X(SCRATCH, "scratch")     /* what the proof restored for the rehearsal: prove_backup.c */  \
	X(REHEARSAL, "rehearsal") /* its report, or {"skipped": true} */                           \
	X(READS_ON, "reads-on")   /* "yes": users read while the data migrates */                  \
	X(GAP_MS, "gap.ms")       /* of that, how long reading failed during the copy */           \
	X(USERS, "users")         /* {"can", "since_ms", "predicted_ms"}, for status */            \
	X(WAY_BACK_GONE, "way-back.gone") /* "yes": its kept database was dropped */               \
	X(MIGRATIONS, "migrations")                                                                \
	X(DIRECTORY_MADE, "directory.made") /* restore from nothing: what this run made */         \
	X(DATA_MADE, "data.made")                                                                  \
	X(KEY_MADE, "key.made")                                                                    \
	X(LIVE_MADE, "database.live-made") /* id of the empty database */                          \
	X(EXPORTED, "exported")            /* rollback: {"folder", "rows"} of what users wrote */  \
	X(DISCONNECT_OTHERS,                                                                       \
		"disconnect-others") /* "yes": agreed to, typed or in the site file */             \
	X(ACCEPT_REPLICATION, "accept-replication") /* likewise */                                 \
	X(ACCEPT_LOSS, "accept-loss")               /* "yes": a person typed it */                 \
	X(UNDOES, "undoes")                         /* rollback: the run it takes back */

typedef enum {
#define X(constant, name) FACT_##constant,
	FACTS(X)
#undef X
		FACT_COUNT
} Fact;

struct RunCtx {
	Site *site;
	Journal *journal;
	char *run;
	char *command;
	char *folder; /* STATE/runs/RUN, for logs of children */
	Database *db;
	struct Prewarm *prewarm; /* the next server, waiting; NULL: none. Not in the journal */
	char *facts[FACT_COUNT];
};

/* `run` must exist in the journal. Makes the run's folder. */
bool run_ctx_open(Site *site, Journal *journal, const char *run, const char *command, RunCtx **ret,
	Err *err) NODISCARD;
void run_ctx_close(RunCtx *ctx);
DEFINE_AUTO(RunCtx, run_ctx_close)

bool fact_set(
	RunCtx *ctx, Fact fact, const char *value, Err *err) NODISCARD; /* on disk when true */
const char *fact_get(const RunCtx *ctx, Fact fact);                     /* NULL: not known */
bool fact_is_yes(const RunCtx *ctx, Fact fact);
/* ERR_INTERNAL naming the fact when it is missing: a defect, or a journal from a broken run. */
bool fact_need(const RunCtx *ctx, Fact fact, const char **ret, Err *err) NODISCARD;
bool fact_set_json(RunCtx *ctx, Fact fact, const json_t *value, Err *err) NODISCARD;
json_t *fact_get_json(const RunCtx *ctx, Fact fact); /* new reference; NULL: not known */
const char *fact_name(Fact fact);

/* Settings and the database again, after something moved. */
bool run_ctx_refresh(RunCtx *ctx, Err *err) NODISCARD;
/* The two releases where they lie now (FROM: still ENV itself before the first block). */
bool run_ctx_from(const RunCtx *ctx, Release *ret, Err *err) NODISCARD;
/* ERR_REFUSED when its environment holds another version than when the run began: somebody's `pip
 * install` took the way back away. Before anything is stopped or frozen. */
bool run_ctx_from_is_intact(const RunCtx *ctx, Err *err) NODISCARD;
bool run_ctx_to(const RunCtx *ctx, Release *ret, Err *err) NODISCARD;
/* Do users read on while the data migrates (else it is dark for that long)? */
bool run_ctx_reads_on(RunCtx *ctx);
/* Does this run rehearse (no --skip-rehearsal, no command without a rehearsal)? */
bool run_ctx_rehearses(const RunCtx *ctx);
/* Thaw what served before the run and open its door, so that its server can be started again. Safe
 * to repeat, and when nothing was frozen or shut. */
bool run_ctx_free_live(RunCtx *ctx, Err *err) NODISCARD;
/* STATE/runs/RUN/NAME */
char *run_ctx_log(const RunCtx *ctx, const char *name);
