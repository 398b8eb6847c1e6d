/* session.h - what every flow does around its steps: lock, journal, run, engine, result.
 *
 *     session_open     lock taken, journal open, nothing unfinished
 *     session_begin    a run in the journal, its folder, its RunCtx
 *     (facts are set by the flow)
 *     session_run      the steps, forward or back
 *     session_finish   outcome, exit status, result event, end of the run in the journal
 * session_result ends a flow that never began its run. */
#pragma once
#include "engine/run.h"
#include "flows/flows.h"
#include "flows/users.h"
#include "os/run_lock.h"
#include "steps/run_ctx.h"

typedef struct Session {
	Site *site;
	const char *command;
	RunLock *lock;
	Journal *journal;
	char *run;   /* NULL before session_begin */
	RunCtx *ctx; /* NULL before session_begin */
	int64_t began_ms;
	bool resumed; /* what users had before the crash was not measured */
	int64_t dark_ms, read_only_ms;
	Users users;      /* while steps run */
	json_t *measured; /* the same from outside; NULL: not measured */
} Session;

/* `unfinished_is_fine`: resume. Signals are installed by main. */
bool session_open(Session *session, Site *site, const char *command, bool unfinished_is_fine,
	Err *err) NODISCARD;
bool session_begin(Session *session, Err *err) NODISCARD;
/* Take up an unfinished run instead. */
bool session_continue(Session *session, const Run *run, Err *err) NODISCARD;
void session_close(Session *session);

/* The question before a changing run. A no with err set: INT or TERM was the answer, or
 * there was nobody to ask. */
bool session_agree(const FlowWish *wish, const json_t *plan, Err *err);

RunEnd session_run(Session *session, const StepDef *const *steps, Err *ret_cause, Err *err);
RunEnd session_undo(Session *session, const StepDef *const *steps, Err *err);

/* Fills `ret`, writes the end into the journal unless the run stays unfinished (RUN_STUCK), emits
 * the result event. `done` is the outcome of RUN_DONE ("upgraded"). Returns true for RUN_DONE. */
bool session_finish(
	Session *session, RunEnd end, const char *done, Err *cause, FlowEnd *ret, Err *err);
/* The result of a flow that did not begin or did not need a run. With err set: "refused" for
 * ERR_REFUSED, else "failed", and false; without: `outcome`, status 0, and true. */
bool session_result(
	Session *session, const char *outcome, const json_t *more, FlowEnd *ret, Err *err);
