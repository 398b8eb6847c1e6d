#include "steps/run_ctx.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"
#include "release/container_link.h"
#include "release/image.h"
#include "service/prewarm.h"
#include "database/freeze.h"

static const char *const fact_names[] = {
#define X(constant, name) [FACT_##constant] = (name),
	FACTS(X)
#undef X
};

const char *fact_name(Fact fact)
{
	return fact_names[fact];
}

static bool load_facts(RunCtx *ctx, Err *err)
{
	for (int i = 0; i < FACT_COUNT; i++)
		if (!journal_fact(ctx->journal, ctx->run, fact_names[i], &ctx->facts[i], err))
			return false;
	return true;
}

/* What was typed for a run counts for its resume too. */
static void take_agreements(RunCtx *ctx)
{
	ctx->site->disconnect_others |= fact_is_yes(ctx, FACT_DISCONNECT_OTHERS);
	ctx->site->accept_replication |= fact_is_yes(ctx, FACT_ACCEPT_REPLICATION);
}

bool run_ctx_open(
	Site *site, Journal *journal, const char *run, const char *command, RunCtx **ret, Err *err)
{
	AUTO(run_ctx_close_auto) RunCtx *ctx = NEW(RunCtx);
	AUTO(free_auto) char *below = str_format("runs/%s", run);

	ctx->site = site;
	ctx->journal = journal;
	ctx->run = str_dup(run);
	ctx->command = str_dup(command);
	ctx->folder = site_path(site, below);
	if (!dir_make(ctx->folder, 0700, err) || !load_facts(ctx, err) ||
		!database_open(site, &ctx->db, err))
		return false;
	take_agreements(ctx);
	*ret = TAKE(ctx);
	return true;
}

void run_ctx_close(RunCtx *ctx)
{
	if (!ctx)
		return;
	prewarm_cancel(ctx->prewarm);
	database_close(ctx->db);
	for (int i = 0; i < FACT_COUNT; i++)
		free(ctx->facts[i]);
	free(ctx->run);
	free(ctx->command);
	free(ctx->folder);
	free(ctx);
}

bool run_ctx_refresh(RunCtx *ctx, Err *err)
{
	if (!site_refresh(ctx->site, err))
		return err_wrap(err, "reading the site's settings again");
	database_close(ctx->db);
	ctx->db = NULL;
	return database_open(ctx->site, &ctx->db, err);
}

bool fact_set(RunCtx *ctx, Fact fact, const char *value, Err *err)
{
	if (!journal_fact_set(ctx->journal, ctx->run, fact_names[fact], value, err))
		return false;
	str_replace(&ctx->facts[fact], value);
	return true;
}

const char *fact_get(const RunCtx *ctx, Fact fact)
{
	return ctx->facts[fact];
}

bool fact_is_yes(const RunCtx *ctx, Fact fact)
{
	return str_is(ctx->facts[fact], "yes");
}

bool fact_need(const RunCtx *ctx, Fact fact, const char **ret, Err *err)
{
	if (!ctx->facts[fact])
		return err_fail(err, ERR_INTERNAL, "the journal has no '%s' for run '%s'",
			fact_names[fact], ctx->run);
	*ret = ctx->facts[fact];
	return true;
}

bool fact_set_json(RunCtx *ctx, Fact fact, const json_t *value, Err *err)
{
	AUTO(free_auto) char *line = json_line(value);

	return fact_set(ctx, fact, line, err);
}

json_t *fact_get_json(const RunCtx *ctx, Fact fact)
{
	json_t *value = NULL;
	Err ignored = {
		0}; /* what is not JSON counts as not known; the caller says what that means */

	if (ctx->facts[fact] && !json_parse(ctx->facts[fact], strlen(ctx->facts[fact]),
					64 * 1024 * 1024, &value, &ignored))
		err_clear(&ignored);
	return value;
}

bool run_ctx_from(const RunCtx *ctx, Release *ret, Err *err)
{
	const char *home = fact_get(ctx, FACT_FROM_HOME);
	AUTO(err_clear) Err not_taken_in = {0}; /* by a backup alone */

	if (site_in_container(ctx->site))
		return (home && image_release(ctx->site, home, ret, &not_taken_in)) ||
		       release_current(ctx->site, ret, err);
	/* Until the first block-start, the environment still lies at ENV itself. */
	if (home && file_kind(home) == FILE_FOLDER)
		return release_at(home, ret, err);
	if (system_serves(ctx->site))
		return release_current(ctx->site, ret, err);
	return release_at(ctx->site->environment, ret, err);
}

bool run_ctx_from_is_intact(const RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release now = {0};
	const char *began = fact_get(ctx, FACT_FROM_VERSION);
	const char *home = fact_get(ctx, FACT_FROM_HOME);

	/* What this run itself put there, and somebody started by hand, is for its steps to judge.
	 */
	if (site_in_container(ctx->site) && container_link_is_of(ctx->site, ctx->run))
		return true;
	if (site_in_container(ctx->site)) {
		if (!release_current(ctx->site, &now, err))
			return false;
		return !home || str_is(now.path, home) ||
		       err_fail(err, ERR_REFUSED,
			       "the container is of image '%s' now and was of another one when the "
			       "run began",
			       now.image);
	}
	if (!run_ctx_from(ctx, &now, err))
		return false;
	if (!began || str_is(now.version, began))
		return true;
	err_fail(err, ERR_REFUSED,
		"'%s' holds version %s now and held %s when the run began: another tool changes it",
		now.path, now.version, began);
	return err_hint(
		err, "install open-webui==%s there again, without that tool at work", began);
}

bool run_ctx_to(const RunCtx *ctx, Release *ret, Err *err)
{
	const char *home;

	return fact_need(ctx, FACT_TO_HOME, &home, err) &&
	       release_at_home(ctx->site, home, ret, err);
}

bool run_ctx_reads_on(RunCtx *ctx)
{
	return fact_is_yes(ctx, FACT_READS_ON);
}

bool run_ctx_rehearses(const RunCtx *ctx)
{
	AUTO(json_release_auto) json_t *known = fact_get_json(ctx, FACT_REHEARSAL);

	return (str_is(ctx->command, "upgrade") || str_is(ctx->command, "rehearse")) &&
	       !json_flag(known, "skipped", false);
}

bool run_ctx_free_live(RunCtx *ctx, Err *err)
{
	const char *id = fact_get(ctx, FACT_LIVE_ID);

	return !id || (database_thaw(ctx->db, id, err) && database_door(ctx->db, id, true, err));
}

char *run_ctx_log(const RunCtx *ctx, const char *name)
{
	return path_join(ctx->folder, name);
}
