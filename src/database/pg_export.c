/* The rows written since the marks, as lines of JSON. A written row has a newer xmin; whether it
 * was added or changed, and what was deleted, tells the database from before: the keys of both,
 * sorted, are read side by side, so that memory does not grow with the data. */
#include "database/pg.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define ROW              "belay_row"
#define FETCH            "FETCH FORWARD 100 FROM belay_keys"
#define UNDEFINED_COLUMN "42703"
#define MAX_LINE         ((size_t)1 << 30)

/* One of the two tables: its keys in order of their bytes. */
typedef struct Side {
	PgSession *session;
	PgRows *rows;
	int at;
	bool absent; /* there is no such table, or it has no such key */
} Side;

typedef struct Export {
	PgSession *now, *then;
	PgTables tables_then;
	char *newer; /* SQL condition */
	bool grew;
	WrittenSink sink;
	void *arg;
} Export;

static void export_clear(Export *export)
{
	pg_disconnect(export->now);
	pg_disconnect(export->then);
	pg_tables_clear(&export->tables_then);
	free(export->newer);
}

/* The key as a JSON object: of the primary key, else of a unique index, else the whole row. */
static bool key_of(PgSession *session, const PgTable *table, char **ret, Err *err)
{
	const char *const params[] = {table->id, NULL};
	AUTO(free_auto) char *columns = NULL;

	if (!pg_value(session,
		    "SELECT string_agg(quote_literal(a.attname) || ', " ROW
		    ".' || quote_ident(a.attname),"
		    " ', ' ORDER BY k.place) FROM (SELECT * FROM pg_index i WHERE i.indrelid::text = $1"
		    "  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
		    "  ORDER BY NOT i.indisprimary, i.indnkeyatts, i.indexrelid LIMIT 1) AS i,"
		    " unnest(i.indkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a"
		    " WHERE a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.place <= i.indnkeyatts",
		    params, &columns, err))
		return err_wrap(err, "asking for the key of table '%s'", table->label);
	*ret = columns ? str_format("json_build_object(%s)::text", columns)
		       : str_dup("row_to_json(" ROW ")::text");
	return true;
}

static bool side_fetch(Side *side, Err *err)
{
	pg_rows_free(TAKE(side->rows));
	side->at = 0;
	return pg_query(side->session, FETCH, NULL, &side->rows, err);
}

static bool side_next(Side *side, Err *err)
{
	side->at++;
	return side->at < pg_rows(side->rows) || side_fetch(side, err);
}

static bool side_ended(const Side *side)
{
	return side->absent || side->at >= pg_rows(side->rows);
}

static bool side_close(Side *side, Err *err)
{
	pg_rows_free(TAKE(side->rows));
	return side->absent || pg_run(side->session, "CLOSE belay_keys", err);
}

static void side_clear(Side *side)
{
	pg_rows_free(side->rows);
}

static bool open_now(Export *export, const PgTable *table, const char *key, Side *ret, Err *err)
{
	ret->session = export->now;
	return pg_runf(export->now, err,
		       "DECLARE belay_keys NO SCROLL CURSOR FOR SELECT k, newer, content FROM"
		       " (SELECT k, newer, CASE WHEN newer THEN content END AS content FROM (SELECT %s AS k,"
		       "  (SELECT %s FROM (SELECT " ROW ".xmin::text::bigint AS x) AS d) AS newer,"
		       "  row_to_json(" ROW ")::text AS content FROM ONLY %s AS " ROW
		       ") AS all_of_it) AS needed ORDER BY k COLLATE \"C\"",
		       key, export->newer, table->sql) &&
	       side_fetch(ret, err);
}

static const PgTable *table_then(const Export *export, const char *label)
{
	for (size_t i = 0; i < export->tables_then.len; i++)
		if (str_is(export->tables_then.items[i].label, label))
			return &export->tables_then.items[i];
	return NULL;
}

/* A table whose key has other columns than it had cannot be compared: all of it counts as added. */
static bool open_then(Export *export, const PgTable *table, const char *key, Side *ret, Err *err)
{
	AUTO(err_clear) Err no_such_key = {0};

	ret->session = export->then;
	ret->absent = true;
	if (!table)
		return true;
	if (!pg_run(export->then, "SAVEPOINT belay_try", err))
		return false;
	if (!pg_runf(export->then, &no_such_key,
		    "DECLARE belay_keys NO SCROLL CURSOR FOR SELECT k FROM"
		    " (SELECT %s AS k FROM ONLY %s AS " ROW ") AS keys ORDER BY k COLLATE \"C\"",
		    key, table->sql)) {
		if (str_is(pg_state(export->then), UNDEFINED_COLUMN))
			return pg_run(export->then, "ROLLBACK TO belay_try", err);
		err_move(err, &no_such_key);
		return false;
	}
	ret->absent = false;
	return side_fetch(ret, err);
}

/* A column of type json comes as it was written, line breaks included; in JSON they are only ever
 * between things. */
static bool tell(Export *export, const char *label, const char *change, const char *key,
	const char *row, Err *err)
{
	Text line = TEXT_INIT(MAX_LINE);
	AUTO(free_auto) char *text = NULL;

	text_addf(&line, "{\"change\": \"%s\", \"key\": %s", change, key);
	if (row) {
		text_add(&line, ", \"row\": ");
		text_add(&line, row);
	}
	text_add(&line, "}");
	if (line.truncated) {
		text_clear(&line);
		return err_fail(err, ERR_DATABASE, "a row of table '%s' is too large", label);
	}
	text = text_take(&line);
	for (char *at = text; (at = strpbrk(at, "\n\r")); at++)
		*at = ' ';
	return export->sink(export->arg, label, text, err);
}

static bool tell_now(Export *export, const char *label, const Side *now, bool was_there, Err *err)
{
	if (!pg_bool(now->rows, now->at, 1))
		return true; /* the migration made it, or left it alone */
	return tell(export, label, was_there ? "changed" : "added", pg_text(now->rows, now->at, 0),
		pg_text(now->rows, now->at, 2), err);
}

static bool merge(
	Export *export, const char *label, Side *now, Side *then, bool some_gone, Err *err)
{
	while (!side_ended(now) || !side_ended(then)) {
		int order = side_ended(now)    ? 1
			    : side_ended(then) ? -1
					       : strcmp(pg_text(now->rows, now->at, 0),
							 pg_text(then->rows, then->at, 0));

		if (order <= 0 && !tell_now(export, label, now, order == 0, err))
			return false;
		if (order > 0 && some_gone &&
			!tell(export, label, "deleted", pg_text(then->rows, then->at, 0), NULL,
				err))
			return false;
		if ((order <= 0 && !side_next(now, err)) || (order >= 0 && !side_next(then, err)))
			return false;
	}
	return true;
}

static bool export_table(Export *export, const PgTable *table, const json_t *difference, Err *err)
{
	AUTO(side_clear) Side now = {0};
	AUTO(side_clear) Side then = {0};
	AUTO(free_auto) char *key = NULL;
	/* Rows of the marks that are not as they were: without any, what is missing in comparison
	 * with the old database is the migration's doing. */
	const int64_t left = json_int(difference, "rows", 0) - json_int(difference, "newer", 0);
	const bool some_gone = export->grew && json_int(difference, "was", 0) > left;

	return (key_of(export->now, table, &key, err) && open_now(export, table, key, &now, err) &&
		       open_then(export, table_then(export, table->label), key, &then, err) &&
		       merge(export, table->label, &now, &then, some_gone, err) &&
		       side_close(&now, err) && side_close(&then, err)) ||
	       err_wrap(err, "exporting table '%s'", table->label);
}

static bool begin(Database *db, const char *place, PgSession **ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};

	if (!pg_enter_place(db, place, &entry, ret, err))
		return false;
	pg_limit(*ret, PG_LIMIT_LONG_MS);
	return pg_run(*ret, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

bool pg_export_since(Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err)
{
	AUTO(export_clear) Export export = {.sink = sink, .arg = arg, .grew = spec->grew};
	AUTO(json_release_auto) json_t *differences = NULL;
	AUTO(pg_tables_clear) PgTables tables = {0};

	if (!pg_written_since(db, spec->place, spec->marks, &differences, err))
		return false;
	if (json_object_size(differences) == 0)
		return true;
	if (!begin(db, spec->place, &export.now, err) ||
		!begin(db, spec->before, &export.then, err) ||
		!pg_tables(export.now, &tables, err) ||
		!pg_tables(export.then, &export.tables_then, err) ||
		!pg_newer_condition(export.now, spec->marks, &export.newer, err))
		return false;
	for (size_t i = 0; i < tables.len; i++) {
		const json_t *difference = json_object_get(differences, tables.items[i].label);

		if (difference && !export_table(&export, &tables.items[i], difference, err))
			return false;
	}
	return true;
}
