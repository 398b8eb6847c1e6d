#include "database/pg.h"

#include <poll.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/signals.h"

enum { RECONNECT_MS = 60000, PAUSE_MS = 500 };

typedef enum { AS_BEFORE, AS_AFTER, OTHERWISE } Places;

/* By id and name together, and nobody else may bear one of the names. */
static bool look(Database *db, const DatabaseExchange *exchange, Places *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(pg_entry_clear) PgEntry spare = {0};

	if (!pg_entry(db, db->live, NULL, &live, err) ||
		!pg_entry(db, exchange->spare, NULL, &spare, err))
		return false;
	*ret = OTHERWISE;
	if (str_is(live.id, exchange->live_id) && str_is(spare.id, exchange->spare_id))
		*ret = AS_BEFORE;
	else if (str_is(live.id, exchange->spare_id) && str_is(spare.id, exchange->live_id))
		*ret = AS_AFTER;
	return true;
}

static bool wrong_places(Database *db, const DatabaseExchange *exchange, Err *err)
{
	err_fail(err, ERR_FOREIGN,
		"databases '%s' and '%s' are not the ones with the ids %s and %s: nothing was exchanged",
		db->live, exchange->spare, exchange->live_id, exchange->spare_id);
	return err_hint(err, "see which is which: SELECT oid, datname, datallowconn,"
			     " shobj_description(oid, 'pg_database') FROM pg_database;");
}

static bool must_be_before(Database *db, const DatabaseExchange *exchange, Err *err)
{
	Places places;
	const char *server_id;

	if (!exchange->live_id || !exchange->spare_id || !exchange->server_id)
		return err_fail(
			err, ERR_INTERNAL, "an exchange needs the ids of server and databases");
	if (!pg_server_id(db, &server_id, err))
		return false;
	if (!str_is(server_id, exchange->server_id))
		return err_fail(err, ERR_FOREIGN,
			"this is another PostgreSQL server (%s) than at the start (%s)", server_id,
			exchange->server_id);
	if (!look(db, exchange, &places, err))
		return false;
	return places == AS_BEFORE || wrong_places(db, exchange, err);
}

/* With the door shut and everyone out nothing can change between the proof and the renames: the
 * guard is the last to leave, and nobody can come in. */
static bool empty_live(Database *db, const DatabaseExchange *exchange, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *guard = NULL;

	if (exchange->proof && !str_is(json_str(exchange->proof, "id"), exchange->live_id))
		return err_fail(err, ERR_FOREIGN, "the proof is about another database");
	/* Without a proof it is the way back, which nobody's session may stop. */
	if (!pg_enter(db, exchange->live_id, true, &guard, err) ||
		!pg_others_out(db, exchange->live_id, pg_pid(guard),
			exchange->proof ? PG_AGREED : PG_EVERYBODY, err))
		return false;
	return !exchange->proof || pg_proof_check(guard, exchange->proof, err);
}

static bool empty_spare(Database *db, const DatabaseExchange *exchange, Err *err)
{
	return pg_door(db, exchange->spare_id, false, err) &&
	       pg_others_out(db, exchange->spare_id, 0, PG_EVERYBODY, err);
}

/* The comment of the site stays with the live name; ours only marks what nobody else has marked. */
static bool comments(PgSession *admin, const char *live_name, const DatabaseExchange *exchange,
	const char *live_comment, const char *spare_comment, Err *err)
{
	AUTO(free_auto) char *kept = str_format("belay:%s:kept", exchange->run);
	const bool live_has = live_comment && !str_starts(live_comment, "belay:");
	const bool spare_has = spare_comment && !str_starts(spare_comment, "belay:");
	const char *goes_live = spare_has ? spare_comment : NULL;

	if (exchange->carry)
		goes_live = live_has ? live_comment : NULL;
	return FAULT(err, "pg-exchange-statement") &&
	       pg_comment_set(admin, live_name, goes_live, err) &&
	       (live_has || (FAULT(err, "pg-exchange-statement") &&
				    pg_comment_set(admin, exchange->spare, kept, err)));
}

static bool renames(PgSession *admin, const char *live, const char *spare, const char *id, Err *err)
{
	AUTO(free_auto) char *live_name = pg_ident(live);
	AUTO(free_auto) char *spare_name = pg_ident(spare);

	/* The third name is never seen by anybody else: it exists within the transaction only. */
	return FAULT(err, "pg-exchange-statement") &&
	       pg_runf(admin, err, "ALTER DATABASE %s RENAME TO belay_swap_%s", live_name, id) &&
	       FAULT(err, "pg-exchange-statement") &&
	       pg_runf(admin, err, "ALTER DATABASE %s RENAME TO %s", spare_name, live_name) &&
	       FAULT(err, "pg-exchange-statement") &&
	       pg_runf(admin, err, "ALTER DATABASE belay_swap_%s RENAME TO %s", id, spare_name);
}

static bool in_transaction(Database *db, const DatabaseExchange *exchange, PgSession *admin,
	const PgEntry *live, const PgEntry *spare, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(db->live);

	/* synchronous_commit is on in every session; said again where it decides. */
	return pg_run(admin,
		       "SET synchronous_commit=on; BEGIN; SET LOCAL lock_timeout='10s';"
		       " SET LOCAL statement_timeout='30s'",
		       err) &&
	       renames(admin, db->live, exchange->spare, exchange->live_id, err) &&
	       (!exchange->carry || (FAULT(err, "pg-exchange-statement") &&
					    pg_properties_carry(admin, exchange->live_id,
						    exchange->spare_id, err))) &&
	       comments(admin, db->live, exchange, live->comment, spare->comment, err) &&
	       /* A rollback brings back a database that was set aside frozen. */
	       FAULT(err, "pg-exchange-statement") &&
	       pg_runf(admin, err, "ALTER DATABASE %s RESET default_transaction_read_only", name);
}

/* After a lost answer the server may be recovering: wait for it, with a limit, then ask. */
static bool ask_the_catalog(Database *db, const DatabaseExchange *exchange, Places *ret, Err *err)
{
	const Deadline deadline = deadline_in(RECONNECT_MS);
	PgBackend *backend = db->backend;

	free(TAKE(backend->server_id));
	while (true) {
		AUTO(err_clear) Err tried = {0};
		const char *server_id;

		pg_disconnect(TAKE(backend->admin));
		if (pg_server_id(db, &server_id, &tried) && look(db, exchange, ret, &tried)) {
			if (!str_is(server_id, exchange->server_id))
				*ret = OTHERWISE;
			return true;
		}
		if (deadline_left_ms(deadline) == 0) {
			err_move(err, &tried);
			return err_wrap(err, "asking whether the databases were exchanged");
		}
		/* A server that is not there yet gives nothing to wait on. */
		poll(NULL, 0, PAUSE_MS);
	}
}

static bool judge(Database *db, const DatabaseExchange *exchange, Err *failed, Err *err)
{
	Places places;

	if (!ask_the_catalog(db, exchange, &places, err))
		return false;
	if (places == AS_AFTER)
		return true;
	if (places == OTHERWISE)
		return wrong_places(db, exchange, err);
	if (failed->kind == ERR_NONE)
		return err_fail(err, ERR_VERIFY,
			"the databases were not exchanged although the server said so");
	err_move(err, failed);
	return err_wrap(err, "exchanging databases '%s' and '%s'", db->live, exchange->spare);
}

static bool exchange_now(Database *db, const DatabaseExchange *exchange, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(pg_entry_clear) PgEntry spare = {0};
	AUTO(err_clear) Err failed = {0};
	AUTO(err_clear) Err ignored = {0};
	PgSession *admin;
	Places places;
	bool committed;

	if (!pg_entry(db, NULL, exchange->live_id, &live, err) ||
		!pg_entry(db, NULL, exchange->spare_id, &spare, err) || !pg_admin(db, &admin, err))
		return false;
	committed = in_transaction(db, exchange, admin, &live, &spare, &failed) &&
		    FAULT(&failed, "pg-exchange-commit") && pg_run(admin, "COMMIT", &failed) &&
		    FAULT(&failed, "pg-exchange-committed");
	if (!committed) {
		/* Refused or lost: either way the next session tells. */
		if (!pg_run(admin, "ROLLBACK", &ignored))
			err_clear(&ignored);
		return judge(db, exchange, &failed, err);
	}
	if (!look(db, exchange, &places, &ignored) || places != AS_AFTER)
		return judge(db, exchange, &failed, err);
	return true;
}

bool pg_exchange(Database *db, const DatabaseExchange *exchange, Err *err)
{
	bool done;

	if (!must_be_before(db, exchange, err))
		return false;
	if (!empty_live(db, exchange, err) || !empty_spare(db, exchange, err))
		return err_wrap(err, "before exchanging databases");
	if (!must_be_before(db, exchange, err))
		return false;
	/* From here to the answer takes milliseconds; an interruption would only make it unclear.
	 */
	signals_hold();
	done = exchange_now(db, exchange, err);
	signals_release();
	return done;
}
