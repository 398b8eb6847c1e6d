#include "database/pg.h"

#include "base/mem.h"
#include "base/text.h"

enum { MAX_TABLE_SQL = 1 << 18 };

void pg_tables_clear(PgTables *tables)
{
	for (size_t i = 0; i < tables->len; i++) {
		free(tables->items[i].id);
		free(tables->items[i].label);
		free(tables->items[i].sql);
	}
	free(tables->items);
	*tables = (PgTables){0};
}

bool pg_tables(PgSession *session, PgTables *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_query(session,
		    "SELECT c.oid, CASE n.nspname WHEN 'public' THEN c.relname"
		    "  ELSE n.nspname || '.' || c.relname END COLLATE \"C\" AS label,"
		    " quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
		    " c.relkind = 'r'"
		    "  AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
		    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		    " WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'"
		    " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
		    " AND n.nspname !~ '^pg_toast' ORDER BY label",
		    NULL, &rows, err))
		return err_wrap(err, "listing the tables");
	pg_tables_clear(ret);
	ret->len = (size_t)pg_rows(rows);
	ret->items = mem_new(ret->len + 1, sizeof(PgTable));
	for (size_t i = 0; i < ret->len; i++) {
		ret->items[i].id = str_dup(pg_text(rows, (int)i, 0));
		ret->items[i].label = str_dup(pg_text(rows, (int)i, 1));
		ret->items[i].sql = str_dup(pg_text(rows, (int)i, 2));
		ret->items[i].lockable = pg_bool(rows, (int)i, 3);
	}
	return true;
}

bool pg_count_all(PgSession *session, const PgTables *tables, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *counts = json_object();

	for (size_t i = 0; i < tables->len; i++) {
		AUTO(pg_rows_free_auto) PgRows *rows = NULL;
		AUTO(free_auto)
		char *query = str_format("SELECT count(*) FROM ONLY %s", tables->items[i].sql);

		if (!pg_query(session, query, NULL, &rows, err))
			return err_wrap(err, "counting table '%s'", tables->items[i].label);
		json_put_int(counts, tables->items[i].label, pg_int(rows, 0, 0));
	}
	*ret = TAKE(counts);
	return true;
}

static bool open_snapshot(Database *db, const char *place, PgSession **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	if (!pg_open_all(db, place, &session, err))
		return false;
	pg_limit(session, PG_LIMIT_LONG_MS);
	if (!pg_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err))
		return false;
	*ret = TAKE(session);
	return true;
}

bool pg_counts(Database *db, const char *place, json_t **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_tables_clear) PgTables tables = {0};

	return open_snapshot(db, place, &session, err) && pg_tables(session, &tables, err) &&
	       pg_count_all(session, &tables, ret, err);
}

/* The table lies where the release put it: DATABASE_SCHEMA may name another schema than public. */
bool pg_revision(PgSession *session, StrList *ret, Err *err)
{
	AUTO(free_auto) char *table = NULL;
	AUTO(free_auto) char *query = NULL;
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_value(session,
		    "SELECT quote_ident(n.nspname) || '.alembic_version' FROM pg_class c"
		    " JOIN pg_namespace n ON n.oid = c.relnamespace"
		    " WHERE c.relname = 'alembic_version' AND c.relkind = 'r'"
		    " ORDER BY n.nspname <> 'public', n.nspname LIMIT 1",
		    NULL, &table, err))
		return false;
	if (!table)
		return true;
	query = str_format("SELECT version_num FROM %s ORDER BY 1", table);
	if (!pg_query(session, query, NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++)
		strlist_add(ret, pg_text(rows, i, 0));
	return true;
}

/* -- digests ---------------------------------------------------------------------------------- */

/* The columns as they enter the digest. record_send() puts each column's type OID before its value,
 * and types that are not built in get another OID in every restored database: those go as text. So
 * do types without a binary form. */
static bool digest_columns(PgSession *session, const PgTable *table, char **ret, Err *err)
{
	const char *const params[] = {table->id, NULL};

	return pg_value(session,
		"SELECT coalesce(string_agg(CASE WHEN a.atttypid >= 16384 OR y.typsend = 0"
		"  THEN 't.' || quote_ident(a.attname) || '::text'"
		"  ELSE 't.' || quote_ident(a.attname) END, ', ' ORDER BY a.attnum), '')"
		" FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid"
		" WHERE a.attrelid::text = $1 AND a.attnum > 0 AND NOT a.attisdropped",
		params, ret, err);
}

/* A sum does not depend on the order of rows and, unlike XOR, counts duplicates. Two of 56 bits. */
static bool digest_table(PgSession *session, const PgTable *table, json_t *all, Err *err)
{
	AUTO(free_auto) char *columns = NULL;
	AUTO(text_clear) Text query = TEXT_INIT(MAX_TABLE_SQL);
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	json_t *entry;

	if (!digest_columns(session, table, &columns, err))
		return false;
	text_addf(&query,
		"SELECT count(*), coalesce(sum(('x' || encode(substr(h, 1, 7), 'hex'))::bit(56)::bigint), 0)"
		" || '-' || coalesce(sum(('x' || encode(substr(h, 8, 7), 'hex'))::bit(56)::bigint), 0)"
		" FROM (SELECT sha256(record_send(ROW(%s))) AS h FROM ONLY %s AS t OFFSET 0) AS d",
		columns, table->sql);
	if (query.truncated)
		return err_fail(err, ERR_DATABASE, "it has too many columns");
	if (!pg_query(session, query.data, NULL, &rows, err))
		return false;
	entry = json_object();
	json_put_int(entry, "rows", pg_int(rows, 0, 0));
	json_put(entry, "digest", pg_text(rows, 0, 1));
	json_object_set_new(all, table->label, entry);
	return true;
}

bool pg_digest_all(
	PgSession *session, const PgTables *tables, const atomic_bool *stop, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *all = json_object();

	for (size_t i = 0; i < tables->len; i++) {
		if (stop && *stop)
			return err_fail(
				err, ERR_INTERRUPTED, "the digests were not needed any more");
		if (!digest_table(session, &tables->items[i], all, err))
			return err_wrap(
				err, "computing the digest of table '%s'", tables->items[i].label);
	}
	*ret = TAKE(all);
	return true;
}

bool pg_digests(Database *db, const char *place, json_t **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_tables_clear) PgTables tables = {0};

	return open_snapshot(db, place, &session, err) && pg_tables(session, &tables, err) &&
	       pg_digest_all(session, &tables, NULL, ret, err);
}
