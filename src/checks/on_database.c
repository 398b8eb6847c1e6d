/* Checks on the database. */
#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "database/elsewhere.h"
#include "service/service.h"
#include "database/obstacles.h"

#define LOWER_EMAIL_INDEX                                                                          \
	"f0bd01a18a3d" /* 0.11.0: unique index on lower(email), raises on duplicates */
#define MESSAGE_BACKFILL "8452d01d26d7" /* 0.8.0: creates chat_message */

FindingKind check_database(const CheckCtx *ctx, Err *why)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(strlist_clear) StrList revisions = {0};

	if (!database_about(ctx->db, &about, why) ||
		!database_revision(ctx->db, database_live(ctx->db), &revisions, why))
		return FINDING_REFUSED;
	if (revisions.len == 1)
		return FINDING_OK;
	err_fail(why, ERR_REFUSED, "'alembic_version' has %zu rows in '%s', it must have one",
		revisions.len, about.name);
	err_hint(why,
		"start and stop Open WebUI once, or ask its documentation on database migration");
	return FINDING_REFUSED;
}

FindingKind check_encoding(const CheckCtx *ctx, Err *why)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};

	if (!database_about(ctx->db, &about, why))
		return FINDING_UNKNOWN;
	if (str_is(about.encoding, "UTF8") || str_is(about.encoding, "UTF-8"))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED, "database '%s' has the encoding '%s', not UTF8", about.name,
		about.encoding);
	err_hint(why, "move the data into a database made with ENCODING 'UTF8' first");
	return FINDING_REFUSED;
}

FindingKind check_rights(const CheckCtx *ctx, Err *why)
{
	return database_try_rights(ctx->db, why) ? FINDING_OK : FINDING_REFUSED;
}

FindingKind check_rehearsal_server(const CheckCtx *ctx, Err *why)
{
	Database *there = database_rehearsal(ctx->db);

	return database_fits(there, why) ? FINDING_OK : FINDING_REFUSED;
}

FindingKind check_programs(const CheckCtx *ctx, Err *why)
{
	AUTO(free_auto) char *how = NULL;
	bool from_file;

	if (database_restore_way(ctx->db, &from_file, &how, why))
		return FINDING_OK;
	return why->kind == ERR_EXEC ? FINDING_REFUSED : FINDING_UNKNOWN;
}

FindingKind check_obstacles(const CheckCtx *ctx, Err *why)
{
	AUTO(err_clear) Err found = {0};

	if (!database_obstacles(ctx->db, &found, why))
		return FINDING_UNKNOWN;
	if (found.kind == ERR_NONE)
		return FINDING_OK;
	err_move(why, &found);
	return FINDING_REFUSED;
}

/* The server itself has a SQLite file open; that is no finding. */
static bool drop_server(const Site *site, StrList *sessions, Err *why)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(free_auto) char *own = NULL;

	if (!service_state(site, &state, why))
		return false;
	own = str_format("pid %d ", (int)state.pid);
	for (size_t i = sessions->len; i-- > 0;)
		if (str_starts(sessions->items[i], own))
			strlist_remove(sessions, i);
	return true;
}

FindingKind check_sessions(const CheckCtx *ctx, Err *why)
{
	AUTO(strlist_clear) StrList found = {0};
	AUTO(free_auto) char *joined = NULL;

	if (!database_sessions(ctx->db, &found, why) || !drop_server(ctx->site, &found, why))
		return FINDING_UNKNOWN;
	if (found.len == 0)
		return FINDING_OK;
	joined = strlist_join(&found, "; ");
	if (database_is_sqlite(ctx->db)) {
		err_fail(why, ERR_REFUSED, "these processes have the database open: %s", joined);
		return FINDING_WARNING;
	}
	if (ctx->site->disconnect_others || ctx->only_rehearses) {
		err_fail(why, ERR_REFUSED, "an upgrade ends these sessions: %s", joined);
		return FINDING_WARNING;
	}
	err_fail(why, ERR_REFUSED, "others use the database: %s", joined);
	err_hint(why,
		"end them there, or let belay do it: the same command with --disconnect-others, or "
		"disconnect_others = yes in %s",
		ctx->site->file);
	return FINDING_REFUSED;
}

FindingKind check_replication(const CheckCtx *ctx, Err *why)
{
	AUTO(err_clear) Err found = {0};

	if (!database_replication(ctx->db, &found, why))
		return FINDING_UNKNOWN;
	if (found.kind == ERR_NONE)
		return FINDING_OK;
	err_move(why, &found);
	if (ctx->site->accept_replication || ctx->only_rehearses)
		return FINDING_WARNING;
	err_hint(why,
		"drop it there, or leave it with the old database: belay upgrade "
		"--accept-replication, or accept_replication = yes in %s",
		ctx->site->file);
	return FINDING_REFUSED;
}

FindingKind check_orphans(const CheckCtx *ctx, Err *why)
{
	AUTO(err_clear) Err found = {0};

	if (!database_orphans(ctx->db, &found, why))
		return FINDING_UNKNOWN;
	if (found.kind == ERR_NONE)
		return FINDING_OK;
	err_move(why, &found);
	return FINDING_WARNING;
}

static bool ahead(const CheckCtx *ctx, const char *revision)
{
	AUTO(strlist_clear) StrList list = {0};

	return ctx->migrations && ctx->revision &&
	       migrations_after(ctx->migrations, ctx->revision, &list) &&
	       strlist_has(&list, revision);
}

FindingKind check_leftovers(const CheckCtx *ctx, Err *why)
{
	AUTO(json_release_auto) json_t *tables = NULL;
	const char *name;
	json_t *rows;

	if (!database_counts(ctx->db, database_live(ctx->db), &tables, why))
		return FINDING_UNKNOWN;
	json_object_foreach(tables, name, rows)
	{
		if (!str_starts(name, "_alembic_tmp_") &&
			!(str_is(name, "chat_message") && ahead(ctx, MESSAGE_BACKFILL)))
			continue;
		err_fail(why, ERR_REFUSED,
			"table '%s' is left over from a migration that did not finish", name);
		err_hint(why,
			"restore the backup from before that attempt (belay backups), or remove the "
			"table when it is certain that nothing else made it");
		return FINDING_REFUSED;
	}
	return FINDING_OK;
}

FindingKind check_emails(const CheckCtx *ctx, Err *why)
{
	AUTO(free_auto) char *addresses = NULL;

	if (!ahead(ctx, LOWER_EMAIL_INDEX))
		return FINDING_OK;
	if (!database_ask(ctx->db, database_live(ctx->db),
		    "SELECT count(*) FROM (SELECT lower(email) FROM \"user\" WHERE email IS NOT NULL"
		    " GROUP BY lower(email) HAVING count(*) > 1) d",
		    &addresses, why))
		return FINDING_UNKNOWN;
	if (str_is(addresses, "0"))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"e-mail addresses of several accounts when case is ignored: %s; version %s refuses that",
		addresses, ctx->version);
	err_hint(why, "SELECT lower(email), count(*) FROM \"user\" GROUP BY 1 HAVING count(*) > 1; "
		      "then rename or merge those accounts");
	return FINDING_REFUSED;
}
