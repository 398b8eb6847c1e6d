#include "database/pg_freeze.h"

#include <string.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

/* The freeze is the database's own default of default_transaction_read_only:
 *
 *     on       frozen
 *     off      being thawed: sessions that began while it was on are read-only for their whole life
 *              and have to go first; a crash in between leaves this for the next thaw to see
 *     absent   not frozen
 *
 * It stops everybody who does not ask for more, the application among them, and nobody else: a
 * session may say READ WRITE, a role may set its own default, replication writes below it. Whether
 * somebody did so is found by the proof at the exchange. A lock held all the time would be no
 * better: writers then hang instead of being refused, and the application's pool with them. */
typedef enum { FREEZE_ABSENT, FREEZE_ON, FREEZE_OFF } FreezeState;

static const char setting_query[] =
	"SELECT split_part(c, '=', 2)::bool FROM pg_db_role_setting s, unnest(s.setconfig) c"
	" WHERE s.setdatabase::text = $1 AND s.setrole = 0"
	" AND c ~ '^default_transaction_read_only='";

static bool state_of(Database *db, const char *id, FreezeState *ret, Err *err)
{
	const char *const params[] = {id, NULL};
	AUTO(free_auto) char *value = NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) || !pg_value(admin, setting_query, params, &value, err))
		return err_wrap(err, "asking whether the database is frozen");
	*ret = !value ? FREEZE_ABSENT : str_is(value, "t") ? FREEZE_ON : FREEZE_OFF;
	return true;
}

bool pg_is_frozen(Database *db, const char *id, bool *ret, Err *err)
{
	FreezeState state = FREEZE_ABSENT;

	if (!state_of(db, id, &state, err))
		return false;
	*ret = state != FREEZE_ABSENT;
	return true;
}

/* `what`: "SET … = on", "RESET …". By id, whatever the name is by now. */
static bool alter(Database *db, const char *id, const char *what, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};
	AUTO(free_auto) char *name = NULL;
	PgSession *admin;

	if (!pg_entry(db, NULL, id, &entry, err))
		return false;
	if (!entry.id)
		return err_fail(err, ERR_FOREIGN, "there is no database with the id %s", id);
	name = pg_ident(entry.name);
	return pg_admin(db, &admin, err) && FAULT(err, "pg-freeze") &&
	       pg_runf(admin, err, "ALTER DATABASE %s %s", name, what);
}

/* -- freezing --------------------------------------------------------------------------------- */

/* The first are short, since whoever wants to write queues behind us; the last is longer than
 * deadlock_timeout, after which the server makes an autovacuum worker in the way give up. */
static const int lock_tries_ms[] = {300, 300, 300, 3000};

static const char writers_query[] =
	"SELECT string_agg(DISTINCT coalesce('pid ' || pid, 'a prepared transaction'), ', ')"
	" FROM pg_locks WHERE locktype = 'relation' AND granted AND relation >= 16384"
	" AND database::text = $1 AND pid IS DISTINCT FROM pg_backend_pid()"
	" AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock')";

static bool still_writes(PgSession *inside, const char *id, Err *err)
{
	const char *const params[] = {id, NULL};
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *who = NULL;

	if (!pg_value(inside, writers_query, params, &who, &ignored) || !who)
		return err_fail(err, ERR_DATABASE, "somebody still writes to the database");
	return err_fail(err, ERR_DATABASE, "somebody still writes to the database: %s", who);
}

/* Whoever has a transaction with writes open, by whatever way it came through, is in the way of a
 * SHARE lock. It is held for no longer than it takes to get it. */
static bool nobody_writes(Database *db, const char *id, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *inside = NULL;

	if (!pg_enter(db, id, false, &inside, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(lock_tries_ms); i++) {
		AUTO(err_clear) Err tried = {0};
		const bool locked = pg_lock_tables(inside, lock_tries_ms[i], &tried);
		const bool busy = !locked && str_is(pg_state(inside), "55P03");

		if (!locked && !busy) {
			err_move(err, &tried);
			return err_wrap(err, "locking the tables for a moment");
		}
		if (!pg_run(inside, "ROLLBACK", err))
			return false;
		if (locked)
			return true;
	}
	return still_writes(inside, id, err);
}

/* As the application would: its URL, its role, its PGOPTIONS. */
static bool write_is_refused(Database *db, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(err_clear) Err refused = {0};
	const char *role;

	if (!pg_connect_as_is(&db->site->database, env_get(&db->site->recipe.env, "PGOPTIONS"),
		    &session, err) ||
		!pg_run(session, "BEGIN", err))
		return err_wrap(err, "connecting as the application does");
	role = pg_user(session);
	if (pg_run(session, "CREATE TEMPORARY TABLE belay_probe () ON COMMIT DROP", &refused))
		return err_fail(err, ERR_VERIFY,
			"the database is frozen, but role '%s' can still write to it", role);
	if (str_is(pg_state(session), "25006")) /* read_only_sql_transaction */
		return true;
	err_move(err, &refused);
	return err_wrap(err, "trying to write as role '%s'", role);
}

bool pg_freeze(Database *db, const char *id, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};

	if (!pg_entry(db, db->live, NULL, &live, err))
		return false;
	if (!str_is(live.id, id))
		return err_fail(err, ERR_FOREIGN, "database '%s' is not the one with the id %s",
			db->live, id);
	if (!alter(db, id, "SET default_transaction_read_only = on", err) ||
		!pg_older_out(db, id, NULL, err) || !nobody_writes(db, id, err) ||
		!write_is_refused(db, err))
		return err_wrap(err, "freezing database '%s'", db->live);
	return true;
}

/* -- thawing ---------------------------------------------------------------------------------- */

/* Someone's read-only session that outlives the thaw harms nobody else. */
static void tell_left(const StrList *left)
{
	for (size_t i = 0; i < left->len; i++)
		event_notice("read-only-session", true,
			"a session stays read-only until it connects anew: %s", left->items[i]);
}

bool pg_thaw(Database *db, const char *id, Err *err)
{
	AUTO(strlist_clear) StrList left = {0};
	FreezeState state = FREEZE_ABSENT;

	if (!state_of(db, id, &state, err))
		return false;
	if (state == FREEZE_ABSENT)
		return true;
	if ((state == FREEZE_ON &&
		    !alter(db, id, "SET default_transaction_read_only = off", err)) ||
		!pg_older_out(db, id, &left, err) ||
		!alter(db, id, "RESET default_transaction_read_only", err))
		return err_wrap(err, "thawing the database");
	tell_left(&left);
	return true;
}

/* -- what would write all the same ------------------------------------------------------------- */

static const PgFinding through[] = {
	/* A role's own default counts more than the database's. */
	{"SELECT quote_ident(pg_get_userbyid(setrole)), c"
	 " FROM pg_db_role_setting s, unnest(setconfig) c WHERE setdatabase = 0 AND setrole <> 0"
	 " AND c ~* '^(default_)?transaction_read_only=' AND NOT split_part(c, '=', 2)::bool",
		N_("role %s has the setting %s in every database")},

	/* Sessions that would have to be ended are told by their age. */
	{"SELECT DISTINCT quote_ident(current_user), quote_ident(usename), quote_ident(current_user)"
	 " FROM pg_stat_activity"
	 " WHERE datid::text = $1 AND usesysid IS NOT NULL AND backend_start IS NULL",
		N_("role %s may not see since when role %s is connected: GRANT pg_read_all_stats TO %s")},
	{NULL, NULL},
};

/* They can be written in a read-only transaction. */
static const PgFinding large_objects[] = {
	{"SELECT 1 WHERE EXISTS (SELECT FROM pg_largeobject_metadata)",
		N_("the database holds large objects, which can be written in spite of a freeze")},
	{NULL, NULL},
};

/* A dump restored by an ordinary role makes all objects its own; TEMPLATE keeps the owners. */
static const PgFinding owners[] = {
	{"SELECT quote_ident(pg_get_userbyid(relowner)), quote_ident(current_user)"
	 " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
	 " WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_'"
	 " AND nspname <> 'information_schema' AND pg_get_userbyid(relowner) <> current_user"
	 " AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
	 " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1",
		N_("objects belong to role %s, and role %s could not give them back in a copy made"
		   " without a gap: raise max_gap")},
	{NULL, NULL},
};

static bool mentions(const char *value, const char *what)
{
	return value && strstr(value, what);
}

static void find_in_url(const char *options, const char *attributes, Err *ret)
{
	if (mentions(options, "transaction_read_only"))
		err_also(ret, ERR_REFUSED, "the database URL sets transaction_read_only by itself");
	/* libpq then refuses a frozen database as a whole: no reading either. */
	if (mentions(attributes, "read-write"))
		err_also(ret, ERR_REFUSED,
			"the database URL asks for target_session_attrs=read-write");
}

static void find_in_environment(const char *options, const char *attributes, Err *ret)
{
	if (mentions(options, "transaction_read_only"))
		err_also(ret, ERR_REFUSED,
			"the application's environment sets transaction_read_only by itself");
	if (mentions(attributes, "read-write"))
		err_also(ret, ERR_REFUSED,
			"the application's environment asks for target_session_attrs=read-write");
}

static const char *value_of(const StrList *keywords, const StrList *values, const char *keyword)
{
	for (size_t i = 0; i < keywords->len; i++) {
		if (str_is(keywords->items[i], keyword))
			return values->items[i];
	}
	return NULL;
}

static void find_in_recipe(const Database *db, Err *ret)
{
	AUTO(strlist_clear) StrList keywords = {0};
	AUTO(strlist_clear) StrList values = {0};
	const StrList *env = &db->site->recipe.env;

	database_url_conninfo(&db->site->database, &keywords, &values);
	find_in_url(value_of(&keywords, &values, "options"),
		value_of(&keywords, &values, "target_session_attrs"), ret);
	find_in_environment(env_get(env, "PGOPTIONS"), env_get(env, "PGTARGETSESSIONATTRS"), ret);
}

static bool find_inside(Database *db, const char *id, Err *ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *inside = NULL;
	bool fits;

	return pg_enter(db, id, false, &inside, err) &&
	       pg_find(inside, large_objects, NULL, ret, err) &&
	       pg_fits_gap(db, id, db->site->max_gap_ms, &fits, err) &&
	       (fits || pg_find(inside, owners, NULL, ret, err));
}

static bool find_through(Database *db, Err *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	PgSession *admin;

	return pg_entry(db, db->live, NULL, &live, err) && pg_admin(db, &admin, err) &&
	       pg_find(admin, through, live.id, ret, err) &&
	       (!live.open || find_inside(db, live.id, ret, err));
}

bool pg_can_freeze(Database *db, Err *ret_why, Err *err)
{
	AUTO(err_clear) Err found = {0};

	find_in_recipe(db, &found);
	if (!pg_freeze_obstacles(db, &found, err) || !find_through(db, &found, err))
		return err_wrap(err, "looking for what would write to a frozen database");
	err_move(ret_why, &found);
	return true;
}
