/* The rows written since the marks, as lines of JSON: the marks tell which tables were written, and
 * comparing with the database from before, attached beside, which of their rows. */
#include "database/sqlite.h"

#include "base/mem.h"
#include "base/text.h"

#define BUSY_MS 5000
#define MAX_SQL (1 << 18)

typedef struct Table {
	const char *name;
	char *quoted;
	StrList columns;
	StrList key;    /* primary key, else a unique index, else all columns of both */
	StrList common; /* columns of both databases */
	bool was_there;
} Table;

typedef struct Telling {
	const Table *table;
	const StrList *columns; /* of the query's rows */
	const char *change;
	bool row, grew;
	WrittenSink sink;
	void *arg;
} Telling;

static void table_clear(Table *table)
{
	free(table->quoted);
	strlist_clear(&table->columns);
	strlist_clear(&table->key);
	strlist_clear(&table->common);
}

static bool add_name(void *arg, const SqlRow *row, Err *err)
{
	(void)err;
	if (sql_text(row, 0)) /* an index over an expression has a column without name */
		strlist_add(arg, sql_text(row, 0));
	return true;
}

static bool read_key(Sql *sql, Table *table, Err *err)
{
	const char *const params[] = {table->name, NULL};

	if (!sql_rows(sql,
		    "SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk",
		    params, add_name, &table->key, err))
		return false;
	return table->key.len ||
	       sql_rows(sql,
		       "SELECT i.name FROM (SELECT name FROM pragma_index_list(?1, 'main')"
		       " WHERE \"unique\" AND NOT partial ORDER BY seq LIMIT 1) AS l,"
		       " pragma_index_info(l.name, 'main') AS i ORDER BY i.seqno",
		       params, add_name, &table->key, err);
}

static bool read_table(Sql *sql, Table *table, Err *err)
{
	const char *const params[] = {table->name, NULL};
	AUTO(strlist_clear) StrList then = {0};
	bool known = true;

	table->quoted = sql_quote_name(table->name);
	if (!sql_rows(sql, "SELECT name FROM pragma_table_info(?1, 'main')", params, add_name,
		    &table->columns, err) ||
		!sql_rows(sql, "SELECT name FROM pragma_table_info(?1, 'before')", params, add_name,
			&then, err) ||
		!read_key(sql, table, err))
		return false;
	for (size_t i = 0; i < table->columns.len; i++)
		if (strlist_has(&then, table->columns.items[i]))
			strlist_add(&table->common, table->columns.items[i]);
	if (!table->key.len)
		strlist_add_all(&table->key, then.len ? &table->common : &table->columns);
	for (size_t i = 0; i < table->key.len; i++)
		known = known && strlist_has(&table->common, table->key.items[i]);
	table->was_there = known && table->key.len > 0;
	return true;
}

/* "n"."id" IS "o"."id" AND …; IS uses an index as = does and finds NULLs too. */
static void add_condition(Text *query, const StrList *columns, const char *is, const char *join)
{
	for (size_t i = 0; i < columns->len; i++) {
		AUTO(free_auto) char *name = sql_quote_name(columns->items[i]);

		text_addf(query, "%sn.%s %s o.%s", i ? join : "", name, is, name);
	}
}

static void add_columns(Text *query, const char *alias, const StrList *columns)
{
	for (size_t i = 0; i < columns->len; i++) {
		AUTO(free_auto) char *name = sql_quote_name(columns->items[i]);

		text_addf(query, "%s%s.%s", i ? ", " : "", alias, name);
	}
}

static json_t *bytes_value(const unsigned char *bytes, int len)
{
	static const char digits[] = "0123456789abcdef";
	AUTO(free_auto) char *hex = mem_new((size_t)len + 1, 2);

	for (int i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_pack("{s:s}", "hex", hex);
}

static json_t *value_of(const SqlRow *row, int column)
{
	int len = 0;
	const void *bytes;
	json_t *text;

	switch (sql_type(row, column)) {
	case 1:
		return json_integer(sql_int(row, column));
	case 2: /* as SQLite writes it; infinities are no JSON */
		text = json_real(strtod(sql_text(row, column), NULL));
		return text ? text : json_string(sql_text(row, column));
	case 5:
		return json_null();
	default:
		break;
	}
	bytes = sql_blob(row, column, &len);
	text = sql_type(row, column) == 3 ? json_stringn(len ? bytes : "", (size_t)len) : NULL;
	return text ? text : bytes_value(bytes, len);
}

static bool tell(void *arg, const SqlRow *row, Err *err)
{
	const Telling *telling = arg;
	AUTO(json_release_auto) json_t *line = json_object();
	AUTO(free_auto) char *text = NULL;
	json_t *key = json_object(), *values = json_object();

	json_put(line, "change", telling->change);
	json_object_set_new(line, "key", key);
	json_object_set_new(line, "row", values);
	for (size_t i = 0; i < telling->columns->len; i++) {
		const char *name = telling->columns->items[i];

		json_object_set_new(values, name, value_of(row, (int)i));
		if (strlist_has(&telling->table->key, name))
			json_object_set(key, name, json_object_get(values, name));
	}
	if (!telling->row)
		json_object_del(line, "row");
	text = json_line(line);
	return telling->sink(telling->arg, telling->table->name, text, err);
}

static bool ask(Sql *sql, Text *query, Telling *telling, Err *err)
{
	if (query->truncated)
		return err_fail(err, ERR_DATABASE, "it has too many columns");
	return sql_rows(sql, query->data, NULL, tell, telling, err);
}

static bool tell_added(Sql *sql, const Table *table, Telling *telling, Err *err)
{
	AUTO(text_clear) Text query = TEXT_INIT(MAX_SQL);

	telling->change = "added";
	text_add(&query, "SELECT ");
	add_columns(&query, "n", &table->columns);
	text_addf(&query, " FROM main.%s AS n", table->quoted);
	if (table->was_there) {
		text_addf(&query, " WHERE NOT EXISTS (SELECT 1 FROM before.%s AS o WHERE ",
			table->quoted);
		add_condition(&query, &table->key, "IS", " AND ");
		text_add(&query, ")");
	}
	return ask(sql, &query, telling, err);
}

static bool tell_changed(Sql *sql, const Table *table, Telling *telling, Err *err)
{
	AUTO(text_clear) Text query = TEXT_INIT(MAX_SQL);

	telling->change = "changed";
	text_add(&query, "SELECT ");
	add_columns(&query, "n", &table->columns);
	text_addf(
		&query, " FROM main.%s AS n JOIN before.%s AS o ON ", table->quoted, table->quoted);
	add_condition(&query, &table->key, "IS", " AND ");
	text_add(&query, " WHERE ");
	add_condition(&query, &table->common, "IS NOT", " OR ");
	return ask(sql, &query, telling, err);
}

static bool tell_deleted(Sql *sql, const Table *table, Telling *telling, Err *err)
{
	AUTO(text_clear) Text query = TEXT_INIT(MAX_SQL);

	telling->change = "deleted";
	telling->columns = &table->key;
	telling->row = false;
	text_add(&query, "SELECT ");
	add_columns(&query, "o", &table->key);
	text_addf(&query,
		" FROM before.%s AS o WHERE NOT EXISTS (SELECT 1 FROM main.%s AS n WHERE ",
		table->quoted, table->quoted);
	add_condition(&query, &table->key, "IS", " AND ");
	text_add(&query, ")");
	return ask(sql, &query, telling, err);
}

static bool export_table(Sql *sql, const char *name, const Telling *to, Err *err)
{
	AUTO(table_clear) Table table = {.name = name};
	Telling telling = {.table = &table,
		.columns = &table.columns,
		.row = true,
		.sink = to->sink,
		.arg = to->arg};

	if (!read_table(sql, &table, err))
		return false;
	return !table.columns.len || /* the table is gone: its rows are in the old database */
	       (tell_added(sql, &table, &telling, err) &&
		       (!table.was_there ||
			       (tell_changed(sql, &table, &telling, err) &&
				       (!to->grew || tell_deleted(sql, &table, &telling, err)))));
}

bool sqlite_export_since(
	Database *db UNUSED, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(json_release_auto) json_t *now = NULL;
	AUTO(json_release_auto) json_t *differences = NULL;
	Telling telling = {.sink = sink, .arg = arg, .grew = spec->grew};
	const char *table;
	json_t *ignored;

	/* What is attached is opened as the first file was: to be read. */
	if (!sqlite_digests(spec->place, &now, err) ||
		!sql_open(spec->place, SQL_READ, BUSY_MS, &sql, err) ||
		!sql_run(
			sql, "ATTACH ?1 AS before", (const char *const[]){spec->before, NULL}, err))
		return false;
	differences = sqlite_differences(spec->marks, now);
	json_object_foreach(differences, table, ignored)
	{
		if (!export_table(sql, table, &telling, err))
			return err_wrap(err, "exporting table '%s'", table);
	}
	return true;
}
