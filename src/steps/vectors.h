/* vectors.h - the two places of the vector store (DATA_DIR/vector_db): it is treated like the
 * database, since a newer library may upgrade it in place on first opening. */
#pragma once
#include "steps/run_ctx.h"

/* Is there a vector store on disk, now or when this run began? */
bool vectors_exist(RunCtx *ctx);
char *vectors_live(const RunCtx *ctx);
char *vectors_spare(const RunCtx *ctx); /* DATA_DIR/vector_db.belay-RUN */
/* Remove the spare if this run made it; never what lies at the live place. */
bool vectors_drop_spare(RunCtx *ctx, Err *err) NODISCARD;
