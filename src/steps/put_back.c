#include "steps/put_back.h"

#include <stdlib.h>

#include "backup/backup.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

static bool count_uploads(RunCtx *ctx, int64_t *ret, Err *err)
{
	AUTO(free_auto) char *uploads = path_join(ctx->site->webui.data_dir, "uploads");
	TreeSize size;

	if (!tree_size(uploads, &size, err))
		return false;
	*ret = size.files;
	return true;
}

bool put_back_remember(RunCtx *ctx, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	int64_t files;

	if (!count_uploads(ctx, &files, err))
		return false;
	text = str_format("%lld", (long long)files);
	return fact_set(ctx, FACT_UPLOADS, text, err);
}

/* A file that a user deleted meanwhile may come back, to no harm: no row names it. */
static bool uploads(RunCtx *ctx, const BackupSet *set, Err *err)
{
	const char *before = fact_get(ctx, FACT_UPLOADS);
	int64_t now;

	if (!before || !count_uploads(ctx, &now, err))
		return !before;
	if (now >= strtoll(before, NULL, 10))
		return true;
	event_notice("uploads-put-back", true,
		"%lld uploads were missing and come from backup set '%s'",
		(long long)(strtoll(before, NULL, 10) - now), set->name);
	return backup_restore_uploads(set, ctx->site, err);
}

static bool secret_key(RunCtx *ctx, const BackupSet *set, Err *err)
{
	const WebuiEnv *webui = &ctx->site->webui;
	const char *before = fact_get(ctx, FACT_KEY_SHA256);

	if (!before || webui->key_source != KEY_IN_FILE || str_is(webui->key_sha256, before))
		return true;
	event_notice("key-put-back", true,
		"the secret key in '%s' was another one and comes from backup set '%s'",
		webui->key_file, set->name);
	return backup_restore_key(set, ctx->site, webui->key_file, err);
}

bool put_back_shared(RunCtx *ctx, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	const char *name = fact_get(ctx, FACT_BACKUP);

	if (!name || !fact_get(ctx, FACT_UPLOADS))
		return true;
	return run_ctx_refresh(ctx, err) && backup_find(ctx->site, name, &set, err) &&
	       uploads(ctx, &set, err) && secret_key(ctx, &set, err) && run_ctx_refresh(ctx, err);
}
