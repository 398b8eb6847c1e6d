#include "steps/vectors.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

char *vectors_live(const RunCtx *ctx)
{
	return site_vector_dir(ctx->site);
}

char *vectors_spare(const RunCtx *ctx)
{
	AUTO(free_auto) char *live = vectors_live(ctx);
	const char *recorded = fact_get(ctx, FACT_VECTOR_SPARE);

	/* A rollback works on the place that the upgrade made. */
	if (recorded && !fact_is_yes(ctx, FACT_VECTOR_MADE))
		return str_dup(recorded);
	return str_format("%s.belay-%s", live, ctx->run);
}

bool vectors_exist(RunCtx *ctx)
{
	AUTO(free_auto) char *live = vectors_live(ctx);

	return fact_get(ctx, FACT_VECTOR_SPARE_ID) || file_kind(live) == FILE_FOLDER;
}

bool vectors_drop_spare(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *spare = vectors_spare(ctx);
	AUTO(free_auto) char *id = NULL;

	if (!fact_is_yes(ctx, FACT_VECTOR_MADE))
		return true;
	if (!path_id(spare, &id, err))
		return false;
	if (id && str_is(id, fact_get(ctx, FACT_VECTOR_LIVE_ID)))
		return err_fail(err, ERR_FOREIGN,
			"'%s' is the vector store that served before the run", spare);
	return tree_remove(spare, err);
}
