/* Checks on the target release. */
#include "base/text.h"
#include "checks/check_table.h"
#include "release/known_bad.h"
#include "release/package.h"
#include "release/version.h"

FindingKind check_python(const CheckCtx *ctx, Err *why)
{
	AUTO(free_auto) char *requires = NULL;
	bool fits;

	if (!package_accepts_python(
		    ctx->package_dir, ctx->current->python_version, &fits, &requires, why))
		return FINDING_UNKNOWN;
	if (fits)
		return FINDING_OK;
	err_fail(why, ERR_REFUSED, "version %s needs Python %s, this environment has %s",
		ctx->version, requires ? requires : "?", ctx->current->python_version);
	return FINDING_REFUSED;
}

FindingKind check_direction(const CheckCtx *ctx, Err *why)
{
	/* The database's own check has refused it. */
	if (!ctx->revision) {
		err_fail(why, ERR_REFUSED, "the database names no revision");
		return FINDING_UNKNOWN;
	}
	if (version_compare(ctx->version, ctx->current->version) >= 0 &&
		migrations_has(ctx->migrations, ctx->revision))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"version %s does not know the database's revision '%s': that would be a downgrade",
		ctx->version, ctx->revision);
	if (version_compare(ctx->version, ctx->current->version) < 0)
		err_hint(why,
			"`belay rollback` takes the last upgrade back, `belay restore SET` returns to "
			"a backup set (belay backups)");
	return FINDING_REFUSED;
}

FindingKind check_known_bad(const CheckCtx *ctx, Err *why)
{
	const KnownBad *bad = known_bad_find(
		ctx->version, ctx->current->version, database_is_sqlite(ctx->db));

	if (!bad)
		return FINDING_OK;
	err_fail_text(why, ERR_REFUSED, bad->reason);
	err_wrap(why, "version %s", ctx->version);
	return bad->refuse ? FINDING_REFUSED : FINDING_WARNING;
}
