/* run.h - the engine: any list of steps forward, back, or on from where a crash left it. It knows
 * nothing about Open WebUI.
 *
 * forward: each step is observed, checked, its intent written, applied, verified, its end written.
 * On an error, or INT/TERM before the committing step is done, the steps are undone newest first,
 * with signals held. resume does the same with a list whose journal already has entries. */
#pragma once
#include <stdint.h>

#include "engine/step.h"
#include "journal/journal.h"

typedef enum {
	RUN_DONE,      /* every step is done */
	RUN_UNTOUCHED, /* failed before any step with an exact undo had its intent written */
	RUN_UNDONE,    /* failed, and everything is back as it was */
	RUN_STUCK, /* failed, and the undo failed or met a foreign change: unfinished, for resume */
} RunEnd;

typedef struct Engine {
	Journal *journal;
	const char *run;
	const StepDef *const *steps; /* NULL-terminated */
	RunCtx *ctx;
	/* Told whenever what users have changes. NULL: nobody is told. */
	void (*on_serves)(void *arg, Serves serves);
	void *arg;
	/* Filled in by the engine, for what this process did of the run: from the begin of the
	 * first step that says so to the begin of the next such step, or the end of the committing
	 * one. */
	int64_t dark_ms, read_only_ms;
	Serves serves;
	int64_t since_ms;
} Engine;

/* err: why it did not get to the end (empty after RUN_DONE). After RUN_STUCK err says what the undo
 * met and `ret_cause` what had gone wrong first. */
RunEnd engine_forward(Engine *engine, Err *ret_cause, Err *err);
/* Undo everything that has an intent. RUN_UNDONE or RUN_STUCK. */
RunEnd engine_back(Engine *engine, Err *err);
/* Has the committing step been done? Then only forward is allowed. */
bool engine_committed(Engine *engine, bool *ret, Err *err) NODISCARD;
