/* migrate-copy: the target's own migrations on the copy; then the revision and the data are judged.
 * Exit codes and log lines of Open WebUI prove nothing (<= 0.11.2 swallows migration errors). */
#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/alembic.h"
#include "os/file.h"
#include "os/tree.h"
#include "rehearse/cage.h"
#include "release/throwaway.h"
#include "database/invariants.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define SCRATCH_START ".scratch-"

static bool revision_is(RunCtx *ctx, const char *place, const char *wanted, bool *ret, Err *err)
{
	AUTO(strlist_clear) StrList rows = {0};

	if (!database_revision(ctx->db, place, &rows, err))
		return false;
	*ret = rows.len == 1 && str_is(rows.items[0], wanted);
	return true;
}

static bool observe(RunCtx *ctx, Seen *ret_seen, Err *err UNUSED)
{
	/* Marks are taken last, with everything judged; half-done work is done over from the copy.
	 */
	*ret_seen = fact_get(ctx, FACT_MARKS) ? SEEN_AFTER : SEEN_BEFORE;
	return true;
}

/* A folder for what the release writes while it migrates: its user's, beside the releases, since
 * the state folder is closed to that user. */
static bool make_scratch(RunCtx *ctx, char **ret, Err *err)
{
	AUTO(free_auto) char *releases = site_releases_dir(ctx->site);
	AUTO(free_auto) char *scratch = str_format("%s/" SCRATCH_START "%s", releases, ctx->run);

	if (!dir_make(scratch, 0700, err) || !FAULT(err, "migrate-scratch") ||
		!file_chown(scratch, ctx->site->recipe.uid, ctx->site->recipe.gid, err))
		return err_wrap(err, "making room for the migrations");
	*ret = TAKE(scratch);
	return true;
}

bool migrate_copy_sweep(const Site *site, Err *err)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(strlist_clear) StrList names = {0};

	if (!throwaway_sweep(site, err))
		return false;
	if (file_kind(releases) != FILE_FOLDER)
		return true;
	if (!dir_list(releases, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(releases, names.items[i]);

		if (str_starts(names.items[i], SCRATCH_START) && !tree_remove(path, err))
			return err_wrap(err, "removing what migrations left");
	}
	return true;
}

#define LEAST_LIMIT_MS 60000

/* How long users are let wait for saving: what the operator said, else twice what the rehearsal
 * saw. In the dark nothing is gained by giving up early. */
static int64_t limit_ms(RunCtx *ctx)
{
	AUTO(json_release_auto) json_t *rehearsal = fact_get_json(ctx, FACT_REHEARSAL);
	const json_t *predicted = json_object_get(rehearsal, "predicted");
	const int64_t twice = 2 * json_int(predicted, "read_only_ms", 0);

	if (!run_ctx_reads_on(ctx))
		return 0;
	if (ctx->site->max_read_only_ms > 0)
		return ctx->site->max_read_only_ms;
	if (twice == 0)
		return 0;
	return twice > LEAST_LIMIT_MS ? twice : LEAST_LIMIT_MS;
}

/* A release in an environment has this machine's network; in a container it gets a way to the
 * database and nothing else. A file needs no way. */
static bool make_cage(RunCtx *ctx, const Release *to, Cage **ret, char **ret_url, Err *err)
{
	if (!site_in_container(ctx->site) || database_is_sqlite(ctx->db))
		return true;
	AUTO(free_auto) char *url = database_url_of(ctx->db, fact_get(ctx, FACT_SPARE));

	if (!cage_make_container(ctx->site, to->path, url, ret, err))
		return false;
	*ret_url = cage_url(*ret, url);
	return true;
}

static bool run_migrations(
	RunCtx *ctx, const Release *to, int expected, const char *scratch, Err *err)
{
	AUTO(free_auto) char *log = run_ctx_log(ctx, "migrate.log");
	AUTO(json_release_auto) json_t *times = NULL;
	AUTO(cage_close_auto) Cage *cage = NULL;
	AUTO(free_auto) char *url = NULL;

	if (!make_cage(ctx, to, &cage, &url, err))
		return false;
	const MigrationSpec spec = {
		.site = ctx->site,
		.target = to,
		.db = ctx->db,
		.place = fact_get(ctx, FACT_SPARE),
		.scratch_dir = scratch,
		.log_file = log,
		.stall_ms = ctx->site->migrate_timeout_ms,
		.limit_ms = limit_ms(ctx),
		.step = "migrate-copy",
		.expected = expected,
		.url = url,
		.network = cage_container(cage),
	};

	return alembic_upgrade(&spec, &times, err) &&
	       fact_set_json(ctx, FACT_MIGRATIONS, times, err);
}

static bool migrate(RunCtx *ctx, const Release *to, int expected, Err *err)
{
	AUTO(free_auto) char *scratch = NULL;
	AUTO(err_clear) Err cleaning = {0};
	bool done;

	if (!make_scratch(ctx, &scratch, err))
		return false;
	done = run_migrations(ctx, to, expected, scratch, err);
	if (!FAULT(&cleaning, "migrate-scratch-remove") || !tree_remove(scratch, &cleaning))
		event_warn_err("scratch", &cleaning);
	return done;
}

/* SQLite keeps the steps of a migration that was cut short, and releases >= 0.9.6 then skip what
 * looks done: a second attempt always begins with a fresh copy. */
static bool begin(RunCtx *ctx, Err *err)
{
	if (fact_get(ctx, FACT_COUNTS) && !step_copy_database.apply(ctx, err))
		return err_wrap(err, "copying the database again");
	return true;
}

static bool judge(RunCtx *ctx, const char *spare, const json_t *before, Err *err)
{
	AUTO(strlist_clear) StrList rows = {0};
	const char *head;
	bool there;

	if (!fact_need(ctx, FACT_REVISION_AFTER, &head, err) ||
		!revision_is(ctx, spare, head, &there, err) ||
		!database_revision(ctx->db, spare, &rows, err))
		return false;
	if (!there) {
		err_fail(err, ERR_VERIFY,
			"after the migrations the copy is at revision '%s', not at '%s'",
			rows.len ? rows.items[0] : "(none)", head);
		return err_hint(err, "read migrate.log: belay logs %s", ctx->run);
	}
	return invariants_hold(ctx->db, spare, before, err);
}

static bool apply(RunCtx *ctx, Err *err)
{
	AUTO(release_clear) Release to = {0};
	AUTO(migrations_clear) Migrations chain = {0};
	AUTO(strlist_clear) StrList ahead = {0};
	AUTO(json_release_auto) json_t *before = NULL;
	AUTO(json_release_auto) json_t *marks = NULL;
	const char *spare, *revision;

	if (!begin(ctx, err) || !fact_need(ctx, FACT_SPARE, &spare, err) ||
		!fact_need(ctx, FACT_REVISION_BEFORE, &revision, err) ||
		!run_ctx_to(ctx, &to, err) || !migrations_read(to.package_dir, &chain, err))
		return false;
	migrations_after(&chain, revision, &ahead);
	if (!invariants_measure(ctx->db, spare, &chain, revision, &before, err) ||
		!fact_set_json(ctx, FACT_COUNTS, before, err) ||
		!migrate(ctx, &to, (int)ahead.len, err) || !judge(ctx, spare, before, err) ||
		!database_mark(ctx->db, spare, &marks, err))
		return false;
	return fact_set_json(ctx, FACT_MARKS, marks, err);
}

const StepDef step_migrate_copy = {
	.id = "migrate-copy",
	.title = N_("run the migrations on the copy"),
	.undo_kind = UNDO_NOTHING, /* copy-database removes the copy */
	.until = "swap-database",
	.observe = observe,
	.apply = apply,
};
