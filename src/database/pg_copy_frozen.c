#include "database/pg_freeze.h"

#include <string.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"
#include "os/signals.h"

/* A copy of the frozen live database: either by TEMPLATE with everyone out for that moment, or from
 * an exported snapshot through pg_dump and pg_restore, beside the readers. */

/* TEMPLATE was seen to do 280 MB/s on two idle cores and 110 MB/s on busy ones. */
enum { TEMPLATE_BYTES_PER_MS = 100 * 1000, TEMPLATE_BASE_MS = 300, STALL_MS = 600000 };
static const int64_t CHILD_MS = (int64_t)7 * 24 * 3600 * 1000; /* STALL_MS is the real limit */

bool pg_fits_gap(Database *db, const char *id, int64_t max_gap_ms, bool *ret, Err *err)
{
	const char *const params[] = {id, NULL};
	AUTO(free_auto) char *bytes = NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) ||
		!pg_value(admin, "SELECT pg_database_size($1::oid)", params, &bytes, err))
		return err_wrap(err, "asking for the size of the database");
	*ret = TEMPLATE_BASE_MS + strtoll(bytes, NULL, 10) / TEMPLATE_BYTES_PER_MS <= max_gap_ms;
	return true;
}

/* -- in a gap --------------------------------------------------------------------------------- */

/* Whatever went wrong, readers come back in: a shut door is an outage. */
static bool open_again(Database *db, const char *id, bool copied, Err *err)
{
	AUTO(err_clear) Err later = {0};
	bool opened;

	signals_hold();
	opened = pg_door(db, id, true, copied ? err : &later);
	signals_release();
	if (!opened && !copied)
		event_warn_err("door-shut", &later);
	return copied && opened;
}

static bool copy_in_gap(Database *db, const char *id, const char *spare, const char *run,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err)
{
	AUTO(json_release_auto) json_t *proof = NULL;
	const int64_t shut_ms = clock_mono_ms();
	const bool copied = pg_empty_and_record(db, id, &proof, err) &&
			    pg_create_spare(db, spare, run, true, err);

	if (!open_again(db, id, copied, err))
		return false;
	*ret_gap_ms = clock_mono_ms() - shut_ms;
	*ret_proof = TAKE(proof);
	return true;
}

/* -- without a gap ---------------------------------------------------------------------------- */

typedef struct Growth {
	Database *db;
	const char *spare;
	char *seen;
	Deadline deadline;
} Growth;

static void growth_clear(Growth *growth)
{
	free(growth->seen);
}

/* Rows make the database grow, building an index its temporary files and statistics. */
static bool still_moves(void *arg, Err *err)
{
	Growth *growth = arg;
	const char *const params[] = {growth->spare, NULL};
	AUTO(free_auto) char *now = NULL;
	AUTO(err_clear) Err ignored = {0};
	PgSession *admin;

	if (pg_admin(growth->db, &admin, &ignored) &&
		pg_value(admin,
			"SELECT pg_database_size(datid) || ' ' || xact_commit || ' ' || temp_bytes || ' ' ||"
			" blks_read || ' ' || blks_hit FROM pg_stat_database WHERE datname = $1",
			params, &now, &ignored) &&
		!str_is(now, growth->seen)) {
		str_replace(&growth->seen, now);
		growth->deadline = deadline_in(STALL_MS);
	}
	if (deadline_left_ms(growth->deadline) > 0)
		return true;
	return err_fail(err, ERR_TIMEOUT, "copying into database '%s': nothing moved for %lld s",
		growth->spare, whole_seconds(STALL_MS));
}

static bool start_dump(
	Database *db, const char *snapshot, ProcRunning **ret, int *ret_pipe, Err *err)
{
	AUTO(pg_program_clear) PgProgram dump = {0};
	PgSession *admin;

	if (!pg_admin(db, &admin, err) || !pg_program(db, "pg_dump", pg_server_version(admin),
						  pg_admin_url(db), db->live, &dump, err))
		return false;
	strlist_add(&dump.argv, "--format=custom");
	strlist_add(&dump.argv, "--compress=0");
	strlist_add(&dump.argv, "--lock-wait-timeout=60s");
	/* A database with a subscription cannot be dropped, and to drop that takes away the slot on
	 * the other server. */
	strlist_add(&dump.argv, "--no-subscriptions");
	strlist_addf(&dump.argv, "--snapshot=%s", snapshot);
	const ProcSpec spec = {.argv = strlist_argv(&dump.argv),
		.env = strlist_argv(&dump.env),
		.timeout_ms = CHILD_MS};

	return proc_start(&spec, ret, ret_pipe, err);
}

static bool run_restore(Database *db, const char *spare, int input, Err *err)
{
	AUTO(pg_program_clear) PgProgram restore = {0};
	AUTO(growth_clear)
	Growth growth = {.db = db, .spare = spare, .deadline = deadline_in(STALL_MS)};
	AUTO(proc_result_clear) ProcResult result = {0};
	PgSession *admin;
	bool superuser;

	if (!pg_admin(db, &admin, err) || !pg_is_superuser(admin, &superuser, err) ||
		!pg_program(db, "pg_restore", pg_server_version(admin), pg_admin_url(db), spare,
			&restore, err))
		return false;
	strlist_add(&restore.argv, "--exit-on-error");
	/* Only a superuser can give objects to others; for everyone else they become his own. */
	if (!superuser)
		strlist_add(&restore.argv, "--no-owner");
	const ProcSpec spec = {.argv = strlist_argv(&restore.argv),
		.env = strlist_argv(&restore.env),
		.input_fd = input,
		.on_tick = still_moves,
		.arg = &growth,
		.timeout_ms = CHILD_MS};

	return FAULT(err, "pg-restore") && proc_run(&spec, &result, err);
}

/* When one of the two fails the other does too, on a broken pipe (signal 13) or a short stream:
 * both are told, but a broken pipe is none of the causes, and an interruption or a time that is up
 * is the only one. */
static bool both_done(bool restored, Err *restore, bool dumped, Err *dump, Err *err)
{
	if (restored && dumped)
		return true;
	if (restored || (!dumped && dump->kind == ERR_INTERRUPTED)) {
		err_move(err, dump);
		return false;
	}
	err_move(err, restore);
	if (dumped || err->kind == ERR_INTERRUPTED || err->kind == ERR_TIMEOUT ||
		strstr(dump->text, "signal 13 "))
		return false;
	return err_wrap(err, "%s", dump->text);
}

static bool stream(Database *db, const char *snapshot, const char *spare, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(err_clear) Err of_dump = {0};
	AUTO(err_clear) Err of_restore = {0};
	ProcRunning *dump = NULL;
	int pipe = -1;
	bool restored, dumped;

	if (!start_dump(db, snapshot, &dump, &pipe, err))
		return false;
	restored = run_restore(db, spare, pipe, &of_restore);
	dumped = proc_finish(dump, &result, &of_dump);
	return both_done(restored, &of_restore, dumped, &of_dump, err);
}

/* The session that exports the snapshot takes the proof in it and stays until pg_dump is through:
 * copy and proof are of the same moment. */
static bool copy_beside(Database *db, const char *id, const char *spare, const char *run,
	json_t **ret_proof, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *holder = NULL;
	AUTO(json_release_auto) json_t *proof = NULL;
	AUTO(free_auto) char *snapshot = NULL;
	bool expected;

	if (!pg_enter(db, id, false, &holder, err))
		return false;
	pg_limit(holder, PG_LIMIT_LONG_MS);
	if (!pg_run(holder, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
		!pg_value(holder, "SELECT pg_export_snapshot()", NULL, &snapshot, err) ||
		!pg_proof_record(db, holder, id, &proof, err) ||
		!pg_create_spare(db, spare, run, false, err) ||
		!pg_extensions_expect(db, holder, spare, &expected, err) ||
		!stream(db, snapshot, spare, err) ||
		(expected && !pg_extensions_made(db, spare, err)) ||
		!pg_run(holder, "COMMIT", err) || !pg_analyze(db, spare, err))
		return false;
	*ret_proof = TAKE(proof);
	return true;
}

bool pg_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err)
{
	AUTO(free_auto) char *id = NULL;
	int64_t gap_ms = 0;
	bool frozen = false, fits, done;

	if (!database_id(db, db->live, &id, err))
		return false;
	if (!id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	if (!pg_is_frozen(db, id, &frozen, err))
		return false;
	if (!frozen)
		return err_fail(err, ERR_INTERNAL, "database '%s' is not frozen", db->live);
	if (!pg_clear_spare(db, spare, run, err) || !pg_fits_gap(db, id, max_gap_ms, &fits, err))
		return err_wrap(err, "copying database '%s'", db->live);
	done = fits ? copy_in_gap(db, id, spare, run, ret_proof, &gap_ms, err)
		    : copy_beside(db, id, spare, run, ret_proof, err);
	if (!done)
		return err_wrap(err, "copying database '%s'", db->live);
	*ret_gap_ms = gap_ms;
	return true;
}
