/* step.h - what a step is. Steps know the site through RunCtx; the engine knows only this.
 *
 * A step asks the world (observe, check, verify) and changes it (apply, undo). apply is safe to
 * repeat, undo is safe on BEFORE, PARTIAL and AFTER. The journal records intent before every
 * effect; but whether an effect is there is always asked of the world, never of the journal alone.
 */
#pragma once
#include "base/error.h"

typedef struct RunCtx RunCtx; /* steps/run_ctx.h */

typedef enum {
	SEEN_BEFORE,  /* the world is as it was before this step */
	SEEN_AFTER,   /* the step's effect is fully there */
	SEEN_PARTIAL, /* it started and did not finish */
	SEEN_FOREIGN, /* someone else changed it: stop, do not fix */
} Seen;

typedef enum {
	UNDO_NOTHING, /* reads only, or makes only new things that nothing uses */
	UNDO_EXACT,   /* brings back the very state from before */
} UndoKind;

/* What users have from the begin of a step on, until another step says otherwise or the run ends.
 */
typedef enum {
	SERVES_AS_BEFORE,
	SERVES_READERS, /* reading works, saving is refused */
	SERVES_NOBODY,  /* dark */
} Serves;

typedef struct StepDef {
	const char *id;    /* = file name with '-'. Stored in journals; never renamed */
	const char *title; /* N_("…") */
	UndoKind undo_kind;
	Serves begins;
	bool commits; /* once it is done, the run is not undone any more (the gate) */
	/* Id of a later step that replaces this one's effect (start-service that of stop-service):
	 * once that one has begun, this one is not looked at again on the way forward. NULL: none.
	 */
	const char *until;

	bool (*needed)(RunCtx *ctx);                            /* NULL: always */
	bool (*observe)(RunCtx *ctx, Seen *ret_seen, Err *err); /* NULL: SEEN_BEFORE */
	bool (*check)(RunCtx *ctx, Err *err);                   /* NULL: fine */
	bool (*apply)(RunCtx *ctx, Err *err);
	bool (*verify)(RunCtx *ctx, Err *err); /* NULL: fine */
	bool (*undo)(RunCtx *ctx, Err *err);   /* NULL with UNDO_NOTHING */
} StepDef;
