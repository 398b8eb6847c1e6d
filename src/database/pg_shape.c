#include "database/pg.h"

#include "base/mem.h"
#include "base/text.h"

/* Sorted texts that are the same after a dump and restore. Expressions of checks and of partial or
 * computed indexes are left out: PostgreSQL prints them differently after it has read its own
 * output ("(ARRAY['a'::varchar])::text[]" comes back as "ARRAY[('a'::varchar)::text]"). */
static const struct {
	const char *name, *query;
} lists[] = {
	{"columns",
		"SELECT format('%I.%I.%I %s%s', n.nspname, c.relname, a.attname,"
		" format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' END)"
		" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
		" JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.relkind IN ('r', 'p', 'm', 'v') AND a.attnum > 0 AND NOT a.attisdropped"},
	{"indexes",
		"SELECT CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL"
		" THEN pg_get_indexdef(i.indexrelid)"
		" ELSE format('%I.%I on %I%s', n.nspname, c.relname, t.relname,"
		"  CASE WHEN i.indisunique THEN ' unique' END) END"
		" FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
		" JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE true"},
	{"constraints",
		"SELECT format('%I.%I: %I %s', n.nspname, c.relname, k.conname, CASE k.contype"
		" WHEN 'c' THEN 'CHECK' ELSE pg_get_constraintdef(k.oid) END)"
		" FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
		/* From PostgreSQL 18 on NOT NULL is one, too; "columns" have it. */
		" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype <> 'n'"},
	{"triggers", "SELECT format('%I.%I: %I', n.nspname, c.relname, g.tgname)"
		     " FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid"
		     " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal"},
	{"owners", "SELECT format('%I.%I %I', n.nspname, c.relname, pg_get_userbyid(c.relowner))"
		   " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		   " WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S')"},
};
static const char only_users[] = " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
				 " AND n.nspname !~ '^pg_(toast|temp)'";

static bool list(PgSession *session, json_t *shape, const char *name, const char *query, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	json_t *items = json_array();

	json_object_set_new(shape, name, items);
	if (!pg_query(session, query, NULL, &rows, err))
		return err_wrap(err, "listing the %s", name);
	for (int i = 0; i < pg_rows(rows); i++)
		json_array_append_new(items, json_string(pg_text(rows, i, 0)));
	return true;
}

/* The next value, whatever the sequence has given out; one that may not be read counts as unused.
 */
bool pg_sequences(PgSession *session, json_t **ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	json_t *all;

	if (!pg_query(session,
		    "SELECT format('%I.%I', schemaname, sequencename) COLLATE \"C\" AS name,"
		    " coalesce(last_value::numeric + increment_by, start_value)"
		    " FROM pg_sequences ORDER BY name",
		    NULL, &rows, err))
		return err_wrap(err, "listing the sequences");
	all = json_object();
	for (int i = 0; i < pg_rows(rows); i++)
		json_object_set_new(all, pg_text(rows, i, 0), json_string(pg_text(rows, i, 1)));
	*ret = all;
	return true;
}

static bool revision(PgSession *session, json_t *shape, Err *err)
{
	AUTO(free_auto) char *query = NULL;

	if (!pg_value(session,
		    "SELECT format('SELECT version_num FROM %I.alembic_version ORDER BY 1', n.nspname)"
		    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		    " WHERE c.relname = 'alembic_version' AND c.relkind = 'r'"
		    " ORDER BY n.nspname <> 'public', n.nspname LIMIT 1",
		    NULL, &query, err))
		return false;
	return list(session, shape, "revision", query ? query : "SELECT 1 WHERE false", err);
}

bool pg_shape_in(PgSession *session, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *shape = json_object();
	AUTO(free_auto) char *owner = NULL;
	json_t *sequences = NULL;

	if (!pg_value(session,
		    "SELECT pg_get_userbyid(datdba) FROM pg_database"
		    " WHERE datname = current_database()",
		    NULL, &owner, err) ||
		!revision(session, shape, err))
		return false;
	json_put(shape, "owner", owner);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		AUTO(free_auto)
		char *query = str_format(
			"SELECT line FROM (%s%s) AS l(line) ORDER BY line COLLATE \"C\"",
			lists[i].query, only_users);

		if (!list(session, shape, lists[i].name, query, err))
			return false;
	}
	/* Names only: a restore takes the version that the server offers. */
	if (!list(session, shape, "extensions",
		    "SELECT extname FROM pg_extension ORDER BY extname COLLATE \"C\"", err) ||
		!pg_sequences(session, &sequences, err))
		return false;
	json_object_set_new(shape, "sequences", sequences);
	*ret = TAKE(shape);
	return true;
}

bool pg_shape(Database *db, const char *place, json_t **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	if (!pg_open_all(db, place, &session, err))
		return false;
	pg_limit(session, PG_LIMIT_LONG_MS);
	return pg_shape_in(session, ret, err) || err_wrap(err, "describing database '%s'", place);
}
