#include "database/pg_rights.h"
#include "database/pg_freeze.h"

#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

#define IS_SUPERUSER "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"

/* Of a copy and of a freeze. */
static const PgFinding obstacles_of_freeze[] = {
	/* RENAME and TEMPLATE wait five seconds for one and fail; COMMIT PREPARED writes later. */
	{"SELECT quote_literal(gid), owner, date_trunc('second', prepared)"
	 " FROM pg_prepared_xacts x JOIN pg_database d ON d.datname = x.database"
	 " WHERE d.oid::text = $1",
		N_("prepared transaction %s of role %s since %s: ROLLBACK PREPARED or COMMIT PREPARED it"
		   " inside that database")},

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

/* The worker writes through everything but a shut door; without a freeze it keeps out. */
static const PgFinding writers[] = {
	{"SELECT quote_ident(subname) FROM pg_subscription WHERE subdbid::text = $1 AND subenabled",
		N_("subscription %s is enabled and writes in spite of a freeze")},
	{NULL, NULL},
};

static const PgFinding replication[] = {
	/* A copy has none. */
	{"SELECT quote_ident(subname) FROM pg_subscription WHERE subdbid::text = $1",
		N_("subscription %s receives logical replication into the database")},

	/* RENAME leaves it with the old database; its consumer would miss whatever comes after. */
	{"SELECT quote_ident(slot_name) FROM pg_replication_slots s"
	 " JOIN pg_database d ON d.datname = s.database WHERE d.oid::text = $1",
		N_("replication slot %s belongs to the database and would stay with the old one")},
	{NULL, NULL},
};

static const PgFinding obstacles_of_copy[] = {
	/* Only a superuser can put another role's settings back. */
	{"SELECT quote_ident(pg_get_userbyid(setrole)), quote_ident(current_user), setconfig"
	 " FROM pg_db_role_setting WHERE setdatabase::text = $1 AND setrole <> 0"
	 " AND pg_get_userbyid(setrole) <> current_user AND NOT " IS_SUPERUSER,
		N_("role %s has settings in the database that role %s may not copy: %s")},

	/* Those of superusers, and since 15 those that nobody knows; a setting that a role may not
	 * even see counts as one. */
	{"SELECT c, quote_ident(current_user), format('GRANT SET ON PARAMETER %s TO %I;',"
	 " split_part(c, '=', 1), current_user)"
	 " FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) c"
	 " LEFT JOIN pg_settings p ON lower(p.name) = lower(split_part(c, '=', 1))"
	 " WHERE setdatabase::text = $1 AND coalesce(p.context, 'superuser') ~ '^superuser'"
	 " AND NOT has_parameter_privilege(split_part(c, '=', 1), 'SET')",
		N_("the database has the setting %s, which role %s may not copy; as a superuser: %s"),
		.since = 15},
	{"SELECT c, quote_ident(current_user)"
	 " FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) c"
	 " LEFT JOIN pg_settings p ON lower(p.name) = lower(split_part(c, '=', 1))"
	 " WHERE setdatabase::text = $1 AND p.context ~ '^superuser' AND NOT " IS_SUPERUSER,
		N_("the database has the setting %s, which role %s may not copy"), .until = 14},

	/* Whoever was given a right with GRANT OPTION and gave it on is the grantor. */
	{"SELECT DISTINCT quote_ident(pg_get_userbyid(a.grantor)), quote_ident(current_user),"
	 " format('GRANT %I TO %I;', pg_get_userbyid(a.grantor), current_user)"
	 " FROM pg_database d, aclexplode(d.datacl) a"
	 " WHERE d.oid::text = $1 AND a.grantor <> d.datdba AND NOT pg_has_role(a.grantor, 'MEMBER')",
		N_("role %s granted rights on the database, which role %s may not repeat; as a superuser: %s")},

	{"SELECT provider FROM pg_shseclabel WHERE objoid::text = $1"
	 " AND classoid = 'pg_database'::regclass",
		N_("the database has a security label of %s that a copy would lack")},

	/* It could not be dropped any more, and everybody who may create databases may copy it. */
	{"SELECT format('ALTER DATABASE %I IS_TEMPLATE false;', datname)"
	 " FROM pg_database WHERE oid::text = $1 AND datistemplate",
		N_("the database is a template: %s")},

	{"SELECT quote_ident(current_user), format('GRANT CREATE ON TABLESPACE %I TO %I;', spcname,"
	 " current_user) FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace"
	 " WHERE d.oid::text = $1 AND spcname <> 'pg_default'"
	 " AND NOT has_tablespace_privilege(t.oid, 'CREATE')",
		N_("role %s may not create databases in the tablespace of this one; as a superuser: %s")},

	/* TEMPLATE refuses such a database: its indexes may be in another order than the library's.
	 */
	{"SELECT coalesce(pg_database_collation_actual_version(oid), '-'), datcollversion,"
	 " format('REINDEX DATABASE %I; ALTER DATABASE %1$I REFRESH COLLATION VERSION;', datname)"
	 " FROM pg_database WHERE oid::text = $1 AND datcollversion <>"
	 " coalesce(pg_database_collation_actual_version(oid), '')",
		N_("the collation library has version %s, and the database was made with %s: %s"),
		.since = 15},

	{"SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE oid::text = $1"
	 " AND pg_encoding_to_char(encoding) <> 'UTF8'",
		N_("the encoding is %s, not UTF8")},
	{NULL, NULL},
};

/* Asked inside the live database, as the admin. The rights are those of LOCK … IN SHARE MODE. */
static const PgFinding rights_inside[] = {
	{"SELECT quote_ident(current_user), c.oid::regclass, format('GRANT SELECT, UPDATE ON %s TO %I;',"
	 " c.oid::regclass, current_user)"
	 " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
	 " WHERE relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
	 " AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE"
	 "  WHEN relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT')"
	 "  WHEN relkind IN ('r', 'p') THEN has_table_privilege(c.oid, 'SELECT')"
	 "   AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')"
	 "  ELSE true END) LIMIT 10",
		N_("role %s may not read and lock %s; as a superuser: %s")},
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

	const int version = pg_server_version(session) / 10000;

	for (; table->query; table++) {
		AUTO(pg_rows_free_auto) PgRows *rows = NULL;
		const bool asks_for_id = strstr(table->query, "$1") != NULL;

		if (version < table->since || (table->until && version > table->until))
			continue;
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

typedef enum { TO_COPY, TO_FREEZE } Purpose;

static bool find_inside(Database *db, const char *id, Purpose purpose, Err *ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_disconnect_auto) PgSession *inside = NULL;

	if (!pg_open(db, db->live, &session, err) || !find_pooler(session, ret, err))
		return false;
	return purpose == TO_FREEZE || (pg_enter(db, id, false, &inside, err) &&
					       pg_find(inside, rights_inside, NULL, ret, err));
}

static bool live_entry(Database *db, PgEntry *ret, PgSession **ret_admin, Err *err)
{
	if (!pg_entry(db, db->live, NULL, ret, err) || !pg_admin(db, ret_admin, err))
		return false;
	return ret->id || err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
}

static bool find(Database *db, Purpose purpose, Err *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	PgSession *admin;

	if (!live_entry(db, &live, &admin, err))
		return false;
	find_version(admin, ret);
	if (!pg_find(admin, obstacles_of_freeze, live.id, ret, err) ||
		!pg_find(admin, purpose == TO_FREEZE ? writers : obstacles_of_copy, live.id, ret,
			err))
		return false;
	/* With the door shut by an unfinished run there is nobody inside to find. */
	return !live.open || find_inside(db, live.id, purpose, ret, err);
}

bool pg_obstacles(Database *db, Err *ret, Err *err)
{
	return find(db, TO_COPY, ret, err);
}

bool pg_freeze_obstacles(Database *db, Err *ret, Err *err)
{
	return find(db, TO_FREEZE, ret, err);
}

bool pg_replication(Database *db, Err *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	PgSession *admin;

	return live_entry(db, &live, &admin, err) && pg_find(admin, replication, live.id, ret, err);
}
