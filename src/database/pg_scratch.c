#include "database/pg.h"
#include "database/pg_elsewhere.h"
#include "database/pg_rights.h"

#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"

/* More workers than that are felt by the site, which goes on serving. */
#define WORKERS "2"

static const int64_t RESTORE_MS = (int64_t)24 * 3600 * 1000;
static const char infix[] = "_belay_proof_";

/* NAME_belay_proof_20261123134812, cut like the spare's name, which this is made from. */
char *pg_scratch_name(const Database *db, const char *run)
{
	AUTO(free_auto) char *spare = database_spare_name(db, run);
	const char *end = strstr(spare, "_belay_");
	const char *next;

	while (end && (next = strstr(end + 1, "_belay_")))
		end = next;
	if (!end)
		return str_format("%s_proof", spare);
	AUTO(free_auto) char *start = str_dup_n(spare, (size_t)(end - spare));
	AUTO(free_auto) char *tail = str_format("%s%s", infix, end + strlen("_belay_"));

	return str_with_tail(start, tail, DATABASE_NAME_MAX);
}

bool pg_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err)
{
	AUTO(pg_program_clear) PgProgram program = {0};
	AUTO(free_auto)
	char *where = db->like ? str_format(", %s:%d",
					 pg_admin_url(db)->host ? pg_admin_url(db)->host
								: "localhost",
					 pg_admin_url(db)->port)
			       : NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) || !pg_program(db, "pg_restore", pg_server_version(admin),
						  pg_admin_url(db), db->live, &program, err))
		return false;
	*ret_from_file = program.of_host;
	*ret_how = program.of_host
			   ? str_format("%s -j %s%s", program.how, WORKERS, where ? where : "")
			   : TAKE(program.how);
	return true;
}

static bool run_workers(
	const Database *db, PgProgram *program, bool superuser, const char *path, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};

	strlist_add(&program->argv, "--exit-on-error");
	strlist_add(&program->argv, "--no-subscriptions");
	strlist_add(&program->argv, "--jobs=" WORKERS);
	pg_restore_as(db, superuser, &program->argv);
	strlist_add(&program->argv, path);
	const ProcSpec spec = {.argv = strlist_argv(&program->argv),
		.env = strlist_argv(&program->env),
		.timeout_ms = RESTORE_MS,
		.low_priority = true};

	return FAULT(err, "pg-restore") && proc_run(&spec, &result, err);
}

/* What is thrown away anyway need not reach the disk before each commit returns, nor be compressed
 * well: with lz4 a restore of chats takes 60 % of the time. One that migrations run on later keeps
 * the site's compression, since its growth is measured. */
static bool be_hasty(PgSession *admin, const char *scratch, bool is_kept, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(scratch);
	AUTO(free_auto) char *can_lz4 = NULL;

	if (!FAULT(err, "pg-scratch") ||
		!pg_runf(admin, err, "ALTER DATABASE %s SET synchronous_commit = off", name) ||
		!pg_value(admin,
			"SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression'"
			" AND 'lz4' = ANY (enumvals)",
			NULL, &can_lz4, err))
		return false;
	return is_kept || !can_lz4 ||
	       pg_runf(admin, err, "ALTER DATABASE %s SET default_toast_compression = lz4", name);
}

bool pg_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err)
{
	AUTO(pg_program_clear) PgProgram program = {0};
	PgSession *admin;
	bool superuser;

	if (!pg_admin(db, &admin, err) || !pg_is_superuser(admin, &superuser, err) ||
		!pg_program(db, "pg_restore", pg_server_version(admin), pg_admin_url(db), scratch,
			&program, err) ||
		!pg_clear_spare(db, scratch, run, err) ||
		!pg_create_spare(db, scratch, run, false, err) ||
		!be_hasty(admin, scratch, statistics, err) ||
		!run_workers(db, &program, superuser, path, err) ||
		(statistics && !pg_analyze(db, scratch, err)))
		return err_wrap(err, "restoring into database '%s'", scratch);
	return true;
}

/* -- removing --------------------------------------------------------------------------------- */

/* Name and mark must agree: both carry the run that made it. */
static bool sweep_one(Database *db, const char *name, const char *mark, const char *kept_run,
	StrList *ret, Err *err)
{
	const char *run = mark + strlen("belay:");
	AUTO(free_auto) char *wanted = pg_scratch_name(db, run);

	if (!str_is(wanted, name) || str_is(run, kept_run))
		return true;
	if (!pg_copy_drop(db, name, NULL, run, err))
		return false;
	strlist_add(ret, name);
	return true;
}

/* A crash between CREATE DATABASE and its mark leaves one that nobody has ever entered: its door is
 * shut until it has the mark, and its name is the one that its time gives. */
static bool sweep_unmarked(Database *db, const char *name, const char *id, const char *kept_run,
	StrList *ret, Err *err)
{
	const char *stamp = strrchr(name, '_') + 1;
	AUTO(free_auto) char *wanted = pg_scratch_name(db, stamp);
	AUTO(free_auto) char *kept = kept_run ? pg_scratch_name(db, kept_run) : NULL;

	if (!str_is(wanted, name) || str_is(name, kept))
		return true;
	if (!pg_copy_drop(db, name, id, NULL, err))
		return false;
	strlist_add(ret, name);
	return true;
}

bool pg_scratch_sweep(Database *db, const char *run, StrList *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) ||
		!pg_query(admin,
			"SELECT datname, mark, oid"
			" FROM (SELECT *, shobj_description(oid, 'pg_database') AS mark FROM pg_database) d"
			" WHERE datname ~ '_belay_proof_[0-9]{14}$'"
			" AND (mark ~ '^belay:[0-9]+-[0-9]+-[a-z]+$' OR (mark IS NULL AND NOT datallowconn))",
			NULL, &rows, err))
		return err_wrap(err, "looking for scratch databases");
	for (int i = 0; i < pg_rows(rows); i++) {
		const char *name = pg_text(rows, i, 0), *mark = pg_text(rows, i, 1);

		if (mark ? !sweep_one(db, name, mark, run, ret, err)
			 : !sweep_unmarked(db, name, pg_text(rows, i, 2), run, ret, err))
			return false;
	}
	return pg_trial_sweep(db, ret, err);
}

/* DROP DATABASE takes inactive logical slots along without a word. */
static bool nothing_hangs_on(PgSession *admin, const PgEntry *entry, Err *err)
{
	AUTO(free_auto) char *what = NULL;
	const char *const params[] = {entry->id, NULL};

	if (!pg_value(admin,
		    "SELECT format('replication slot %I', slot_name) FROM pg_replication_slots s"
		    " JOIN pg_database d ON d.datname = s.database WHERE d.oid::text = $1"
		    " UNION ALL SELECT format('subscription %I', subname) FROM pg_subscription"
		    " WHERE subdbid::text = $1 LIMIT 1",
		    params, &what, err))
		return err_wrap(err, "looking for replication of '%s'", entry->name);
	if (!what)
		return true;
	err_fail(err, ERR_REFUSED, "database '%s' has %s, which would be lost with it", entry->name,
		what);
	return err_hint(err, "drop or move it first, then run the command again");
}

bool pg_kept_drop(Database *db, const char *spare, const char *id, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};
	PgSession *admin;

	if (!pg_entry(db, spare, NULL, &entry, err) || !pg_admin(db, &admin, err))
		return false;
	if (!entry.id)
		return true;
	/* A comment of the site's own goes along with its database; any other mark is not ours. */
	if (!str_is(entry.id, id) || (entry.comment && str_starts(entry.comment, "belay:") &&
					     !str_ends(entry.comment, ":kept")))
		return err_fail(err, ERR_FOREIGN,
			"database '%s' is not the one that was set aside there; it stays", spare);
	return nothing_hangs_on(admin, &entry, err) && pg_copy_drop(db, spare, id, NULL, err);
}
