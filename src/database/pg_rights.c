#include "database/pg.h"
#include "database/pg_freeze.h"

#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

/* -- rights, by using them --------------------------------------------------------------------- */

typedef struct Trial {
	PgSession *admin;
	char *first, *second, *third; /* made, copied, what the copy is renamed to */
} Trial;

/* Also takes away what an earlier process with this id left behind. */
static bool drop_all(const Trial *trial, Err *err)
{
	return pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->third) &&
	       pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->second) &&
	       pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->first);
}

static void trial_clear(Trial *trial)
{
	AUTO(err_clear) Err ignored = {0};

	if (trial->first && trial->admin && pg_alive(trial->admin) && !drop_all(trial, &ignored))
		event_warn_err("scratch-database", &ignored);
	free(trial->first);
	free(trial->second);
	free(trial->third);
}

static bool try_create(const Trial *trial, const char *owner, Err *err)
{
	AUTO(free_auto) char *quoted = pg_ident(owner);

	if (!FAULT(err, "pg-create"))
		return false;
	if (pg_runf(trial->admin, err, "CREATE DATABASE %s TEMPLATE template0 OWNER %s",
		    trial->first, quoted) &&
		pg_runf(trial->admin, err, "CREATE DATABASE %s TEMPLATE %s OWNER %s", trial->second,
			trial->first, quoted))
		return true;
	err_wrap(err, "creating a scratch database");
	if (!str_is(pg_state(trial->admin), "42501"))
		return false;
	err->kind = ERR_REFUSED;
	return err_hint(err, "as a superuser: ALTER ROLE \"%s\" CREATEDB;", pg_user(trial->admin));
}

/* A session of the application, ended by the one who will have to end it. */
static bool try_terminate(Database *db, const Trial *trial, const char *name, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *victim = NULL;
	AUTO(free_auto) char *id = NULL;
	const char *const params[] = {name, NULL};
	const char *const databases[] = {name, NULL};

	return pg_connect(&db->site->database, databases, &victim, err) &&
	       pg_value(trial->admin, "SELECT oid FROM pg_database WHERE datname = $1", params, &id,
		       err) &&
	       id && pg_others_out(db, id, 0, err);
}

static bool try_rename(const Trial *trial, Err *err)
{
	return pg_runf(trial->admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS false",
		       trial->second) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s RENAME TO %s", trial->second,
		       trial->third) &&
	       pg_runf(trial->admin, err, "COMMENT ON DATABASE %s IS 'belay'", trial->third) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s CONNECTION LIMIT 10", trial->third) &&
	       pg_runf(trial->admin, err, "GRANT CONNECT ON DATABASE %s TO PUBLIC", trial->third) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS true", trial->third);
}

static bool owns(Database *db, const PgEntry *live, PgSession *admin, Err *err)
{
	AUTO(free_auto) char *owns = NULL;
	const char *const params[] = {live->owner, NULL};

	/* RENAME asks for the owner's privileges, CREATE … OWNER for membership. */
	if (!pg_value(admin, "SELECT pg_has_role($1, 'USAGE') AND pg_has_role($1, 'MEMBER')",
		    params, &owns, err))
		return false;
	if (str_is(owns, "t"))
		return true;
	err_fail(err, ERR_REFUSED, "database '%s' belongs to role '%s', not to '%s'", live->name,
		live->owner, pg_user(admin));
	return err_hint(err,
		"as a superuser: ALTER DATABASE \"%s\" OWNER TO \"%s\"; or set admin_url in %s",
		live->name, pg_user(admin), db->site->file);
}

bool pg_try_rights(Database *db, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(trial_clear) Trial trial = {0};
	AUTO(free_auto) char *second = str_format("belay_try_%d_b", (int)getpid());
	AUTO(free_auto) char *third = str_format("belay_try_%d_c", (int)getpid());

	if (!pg_entry(db, db->live, NULL, &live, err) || !pg_admin(db, &trial.admin, err))
		return false;
	if (!live.id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	if (!owns(db, &live, trial.admin, err))
		return false;
	trial.first = str_format("belay_try_%d_a", (int)getpid());
	trial.second = str_dup(second);
	trial.third = str_dup(third);
	if (!drop_all(&trial, err) || !try_create(&trial, live.owner, err))
		return false;
	if (!try_terminate(db, &trial, second, err) || !try_rename(&trial, err)) {
		if (str_is(pg_state(trial.admin), "42501"))
			err->kind = ERR_REFUSED;
		return err_wrap(err, "trying rights on a scratch database");
	}
	return true;
}

/* -- obstacles -------------------------------------------------------------------------------- */

typedef struct Obstacle {
	bool to_freeze;    /* writes through a freeze, or cannot be ended for one */
	const char *query; /* $1 is the OID of the live database; one line a row */
} Obstacle;

static const Obstacle obstacles[] = {
	/* RENAME and TEMPLATE wait five seconds for one and fail; COMMIT PREPARED writes later. */
	{true, "SELECT format('prepared transaction %L of role %s since %s: ROLLBACK PREPARED or COMMIT PREPARED"
	       " it inside that database', gid, owner, date_trunc('second', prepared))"
	       " FROM pg_prepared_xacts x JOIN pg_database d ON d.datname = x.database"
	       " WHERE d.oid::text = $1"},

	/* A copy has none, and the worker writes through everything but a shut door. */
	{true, "SELECT format('subscription %I receives logical replication into the database', subname)"
	       " FROM pg_subscription WHERE subdbid::text = $1"},

	/* A slot stays with the old database; its consumer would miss whatever comes after. */
	{false, "SELECT format('replication slot %I belongs to the database and would stay with the old one',"
		" slot_name) FROM pg_replication_slots s JOIN pg_database d ON d.datname = s.database"
		" WHERE d.oid::text = $1"},

	/* Only a superuser can put another role's settings back. */
	{false, "SELECT format('role %I has settings in the database that role %I may not copy: %s',"
		" pg_get_userbyid(setrole), current_user, setconfig)"
		" FROM pg_db_role_setting WHERE setdatabase::text = $1 AND setrole <> 0"
		" AND pg_get_userbyid(setrole) <> current_user"
		" AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"},

	/* The migration would be refused, or writes would pass where they must not. */
	{true, "SELECT format('%s has the setting %s',"
	       " CASE setrole WHEN 0 THEN 'the database' ELSE 'role ' || pg_get_userbyid(setrole) END, c)"
	       " FROM pg_db_role_setting s, unnest(setconfig) c"
	       " WHERE c ~* '^(default_)?transaction_read_only=' AND (setdatabase::text = $1 OR"
	       " (setdatabase = 0 AND EXISTS (SELECT 1 FROM pg_database d"
	       "  WHERE d.oid::text = $1 AND d.datdba = s.setrole)))"},

	{false, "SELECT format('the database has a security label of %s that a copy would lack', provider)"
		" FROM pg_shseclabel WHERE objoid::text = $1 AND classoid = 'pg_database'::regclass"},

	{false, "SELECT format('the encoding is %s, not UTF8', pg_encoding_to_char(encoding))"
		" FROM pg_database WHERE oid::text = $1 AND pg_encoding_to_char(encoding) <> 'UTF8'"},

	{true, "SELECT format('role %I has a session (pid %s) that role %I may not end', usename, pid,"
	       " current_user) FROM pg_stat_activity a WHERE datid::text = $1 AND usesysid IS NOT NULL"
	       " AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
	       " AND (coalesce((SELECT rolsuper FROM pg_roles r WHERE r.oid = a.usesysid), true) OR NOT"
	       "  (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))"},
};

/* 13 brought snapshots of 64 bits, 14 the ending of a session that waits until it is gone. */
static void find_version(const PgSession *session, StrList *ret)
{
	if (pg_server_version(session) < 140000)
		strlist_addf(ret, "the server is PostgreSQL %d: 14 or newer is needed",
			pg_server_version(session) / 10000);
}

/* A pooler hands out process ids of its own making, and keeps server sessions that nobody can tell
 * from the application's. */
static bool find_pooler(PgSession *session, StrList *ret, Err *err)
{
	AUTO(free_auto) char *pid = NULL;

	if (!pg_value(session, "SELECT pg_backend_pid()", NULL, &pid, err))
		return false;
	if (strtol(pid, NULL, 10) != pg_pid(session))
		strlist_add(ret,
			"a connection pooler stands before the server: set admin_url and database_url to the"
			" server itself");
	return true;
}

static bool find_inside(Database *db, bool to_freeze, StrList *ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_open(db, db->live, &session, err) || !find_pooler(session, ret, err))
		return false;
	if (to_freeze)
		return true;
	if (!pg_query(session,
		    "SELECT format('publication %I sends changes of the database elsewhere; its"
		    " subscribers would stay with the old one', pubname) FROM pg_publication",
		    NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++)
		strlist_add(ret, pg_text(rows, i, 0));
	return true;
}

static bool find(Database *db, bool to_freeze, StrList *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	PgSession *admin;

	if (!pg_entry(db, db->live, NULL, &live, err) || !pg_admin(db, &admin, err))
		return false;
	if (!live.id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	const char *const params[] = {live.id, NULL};

	find_version(admin, ret);
	for (size_t i = 0; i < COUNT_OF(obstacles); i++) {
		AUTO(pg_rows_free_auto) PgRows *rows = NULL;

		if (to_freeze && !obstacles[i].to_freeze)
			continue;
		if (!pg_query(admin, obstacles[i].query, params, &rows, err))
			return err_wrap(err, "looking for obstacles");
		for (int row = 0; row < pg_rows(rows); row++)
			strlist_add(ret, pg_text(rows, row, 0));
	}
	/* With the door shut by an unfinished run there is nobody inside to find. */
	return !live.open || find_inside(db, to_freeze, ret, err);
}

bool pg_obstacles(Database *db, StrList *ret, Err *err)
{
	return find(db, false, ret, err);
}

bool pg_freeze_obstacles(Database *db, StrList *ret, Err *err)
{
	return find(db, true, ret, err);
}
