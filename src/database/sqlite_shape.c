#include "database/sqlite.h"

#include "base/mem.h"
#include "base/text.h"

#define BUSY_MS 30000

/* A restored file is the same file: texts of the schema compare as they are. */
static const struct {
	const char *name, *query;
} lists[] = {
	{"columns", "SELECT coalesce(sql, name) FROM sqlite_schema WHERE type IN ('table', 'view')"
		    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"},
	{"indexes", "SELECT coalesce(sql, name || ' of ' || tbl_name) FROM sqlite_schema"
		    " WHERE type = 'index' ORDER BY name"},
	{"triggers", "SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"},
};

static bool add_text(void *arg, const SqlRow *row, Err *err)
{
	const char *text = sql_text(row, 0);

	(void)err;
	json_array_append_new(arg, json_string(text ? text : ""));
	return true;
}

static bool list(Sql *sql, json_t *shape, const char *name, const char *query, Err *err)
{
	json_t *items = json_array();

	json_object_set_new(shape, name, items);
	return sql_rows(sql, query, NULL, add_text, items, err);
}

static bool has_table(Sql *sql, const char *name, bool *ret, Err *err)
{
	const char *const params[] = {name, NULL};
	AUTO(free_auto) char *there = NULL;

	if (!sql_value(sql, "SELECT 1 FROM sqlite_schema WHERE name = ?1", params, &there, err))
		return false;
	*ret = there != NULL;
	return true;
}

static bool add_sequence(void *arg, const SqlRow *row, Err *err)
{
	(void)err;
	if (sql_text(row, 0))
		json_put(arg, sql_text(row, 0), sql_text(row, 1));
	return true;
}

static bool sequences(Sql *sql, json_t *shape, Err *err)
{
	json_t *all = json_object();
	bool any;

	json_object_set_new(shape, "sequences", all);
	if (!has_table(sql, "sqlite_sequence", &any, err))
		return false;
	return !any || sql_rows(sql, "SELECT name, seq + 1 FROM sqlite_sequence ORDER BY name",
			       NULL, add_sequence, all, err);
}

static bool revision(Sql *sql, json_t *shape, Err *err)
{
	bool any;

	if (!has_table(sql, "alembic_version", &any, err))
		return false;
	return list(sql, shape, "revision",
		any ? "SELECT version_num FROM alembic_version ORDER BY 1" : "SELECT 1 WHERE 0",
		err);
}

bool sqlite_shape_of(const char *path, json_t **ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(json_release_auto) json_t *shape = json_object();
	AUTO(free_auto) char *orphans = NULL;

	if (!sql_open(path, SQL_READ, BUSY_MS, &sql, err) || !revision(sql, shape, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (!list(sql, shape, lists[i].name, lists[i].query, err))
			return false;
	/* Neither 0.7.2 nor 0.12.4 makes SQLite enforce foreign keys: their number counts, not that
	 * there are none. */
	if (!sequences(sql, shape, err) ||
		!sql_value(
			sql, "SELECT count(*) FROM pragma_foreign_key_check", NULL, &orphans, err))
		return false;
	json_put(shape, "foreign_key_violations", orphans);
	*ret = TAKE(shape);
	return true;
}
