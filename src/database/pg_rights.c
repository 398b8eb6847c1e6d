#include "database/pg.h"
#include "database/pg_freeze.h"

#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
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

static const PgFinding obstacles_of_freeze[] = {
	/* RENAME and TEMPLATE wait five seconds for one and fail; COMMIT PREPARED writes later. */
	{"SELECT quote_literal(gid), owner, date_trunc('second', prepared)"
	 " FROM pg_prepared_xacts x JOIN pg_database d ON d.datname = x.database"
	 " WHERE d.oid::text = $1",
		N_("prepared transaction %s of role %s since %s: ROLLBACK PREPARED or COMMIT PREPARED it"
		   " inside that database")},

	/* A copy has none, and the worker writes through everything but a shut door. */
	{"SELECT quote_ident(subname) FROM pg_subscription WHERE subdbid::text = $1",
		N_("subscription %s receives logical replication into the database")},

	/* The migration would be refused, or writes would pass where they must not. */
	{"SELECT c FROM pg_db_role_setting s, unnest(s.setconfig) c"
	 " WHERE c ~* '^(default_)?transaction_read_only=' AND setdatabase::text = $1 AND setrole = 0",
		N_("the database has the setting %s")},
	{"SELECT quote_ident(pg_get_userbyid(setrole)), c"
	 " FROM pg_db_role_setting s, unnest(setconfig) c"
	 " WHERE c ~* '^(default_)?transaction_read_only=' AND setrole <> 0 AND"
	 " (setdatabase::text = $1 OR (setdatabase = 0 AND EXISTS (SELECT 1 FROM pg_database d"
	 "  WHERE d.oid::text = $1 AND d.datdba = s.setrole)))",
		N_("role %s has the setting %s")},

	{"SELECT quote_ident(usename), pid, quote_ident(current_user)"
	 " FROM pg_stat_activity a WHERE datid::text = $1 AND usesysid IS NOT NULL"
	 " AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
	 " AND (coalesce((SELECT rolsuper FROM pg_roles r WHERE r.oid = a.usesysid), true) OR NOT"
	 "  (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))",
		N_("role %s has a session (pid %s) that role %s may not end")},
	{NULL, NULL},
};

static const PgFinding obstacles_of_copy[] = {
	/* A slot stays with the old database; its consumer would miss whatever comes after. */
	{"SELECT quote_ident(slot_name) FROM pg_replication_slots s"
	 " JOIN pg_database d ON d.datname = s.database WHERE d.oid::text = $1",
		N_("replication slot %s belongs to the database and would stay with the old one")},

	/* Only a superuser can put another role's settings back. */
	{"SELECT quote_ident(pg_get_userbyid(setrole)), quote_ident(current_user), setconfig"
	 " FROM pg_db_role_setting WHERE setdatabase::text = $1 AND setrole <> 0"
	 " AND pg_get_userbyid(setrole) <> current_user"
	 " AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
		N_("role %s has settings in the database that role %s may not copy: %s")},

	{"SELECT provider FROM pg_shseclabel WHERE objoid::text = $1"
	 " AND classoid = 'pg_database'::regclass",
		N_("the database has a security label of %s that a copy would lack")},

	{"SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE oid::text = $1"
	 " AND pg_encoding_to_char(encoding) <> 'UTF8'",
		N_("the encoding is %s, not UTF8")},
	{NULL, NULL},
};

static const PgFinding publications[] = {
	{"SELECT quote_ident(pubname) FROM pg_publication",
		N_("publication %s sends changes of the database elsewhere; its subscribers would stay"
		   " with the old one")},
	{NULL, NULL},
};

/* A text of the tables above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void add_finding(const char *text, const PgRows *rows, int row, Err *ret)
{
	const char *values[3] = {"", "", ""};

	for (int i = 0; i < (int)COUNT_OF(values) && i < pg_columns(rows); i++) {
		const char *value = pg_text(rows, row, i);

		values[i] = value ? value : "";
	}
	err_also(ret, ERR_REFUSED, text, values[0], values[1], values[2]);
}
#pragma GCC diagnostic pop

bool pg_find(PgSession *session, const PgFinding *table, const char *id, Err *ret, Err *err)
{
	const char *const params[] = {id, NULL};

	for (; table->query; table++) {
		AUTO(pg_rows_free_auto) PgRows *rows = NULL;
		const bool asks_for_id = strstr(table->query, "$1") != NULL;

		if (!pg_query(session, table->query, asks_for_id ? params : NULL, &rows, err))
			return err_wrap(err, "looking for obstacles");
		for (int row = 0; row < pg_rows(rows); row++)
			add_finding(table->text, rows, row, ret);
	}
	return true;
}

/* 13 brought snapshots of 64 bits, 14 the ending of a session that waits until it is gone. */
static void find_version(const PgSession *session, Err *ret)
{
	if (pg_server_version(session) < 140000)
		err_also(ret, ERR_REFUSED, "the server is PostgreSQL %d: 14 or newer is needed",
			pg_server_version(session) / 10000);
}

/* A pooler hands out process ids of its own making, and keeps server sessions that nobody can tell
 * from the application's. */
static bool find_pooler(PgSession *session, Err *ret, Err *err)
{
	AUTO(free_auto) char *pid = NULL;

	if (!pg_value(session, "SELECT pg_backend_pid()", NULL, &pid, err))
		return false;
	if (strtol(pid, NULL, 10) != pg_pid(session))
		err_also(ret, ERR_REFUSED,
			"a connection pooler stands before the server: set admin_url and database_url to the"
			" server itself");
	return true;
}

static bool find_inside(Database *db, bool to_freeze, Err *ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	return pg_open(db, db->live, &session, err) && find_pooler(session, ret, err) &&
	       (to_freeze || pg_find(session, publications, NULL, ret, err));
}

static bool find(Database *db, bool to_freeze, Err *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	PgSession *admin;

	if (!pg_entry(db, db->live, NULL, &live, err) || !pg_admin(db, &admin, err))
		return false;
	if (!live.id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	find_version(admin, ret);
	if (!pg_find(admin, obstacles_of_freeze, live.id, ret, err) ||
		(!to_freeze && !pg_find(admin, obstacles_of_copy, live.id, ret, err)))
		return false;
	/* With the door shut by an unfinished run there is nobody inside to find. */
	return !live.open || find_inside(db, to_freeze, ret, err);
}

bool pg_obstacles(Database *db, Err *ret, Err *err)
{
	return find(db, false, ret, err);
}

bool pg_freeze_obstacles(Database *db, Err *ret, Err *err)
{
	return find(db, true, ret, err);
}
