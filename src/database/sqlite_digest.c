#include "database/sqlite.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"

#define BUSY_MS   30000
#define SUM_BYTES 32
#define TABLES_SQL                                                                                 \
	"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "      \
	"ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"

/* The sum of the rows' SHA-256 modulo 2^256: independent of order, and unlike XOR it does not
 * forget rows that occur twice. */
typedef struct RowSum {
	unsigned char sum[SUM_BYTES];
	int64_t rows;
} RowSum;

static bool add_name(void *arg, const SqlRow *row, Err *err)
{
	(void)err;
	strlist_add(arg, sql_text(row, 0));
	return true;
}

static unsigned hex_digit(char digit)
{
	return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void add_to_sum(RowSum *sum, const char *hex)
{
	unsigned carry = 0;

	for (int i = SUM_BYTES - 1; i >= 0; i--) {
		carry += sum->sum[i] + (hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
		sum->sum[i] = (unsigned char)(carry & 0xff);
		carry >>= 8;
	}
	sum->rows++;
}

/* Type and length stand before each value, so that no two rows read the same. */
static bool add_row(void *arg, const SqlRow *row, Err *err)
{
	AUTO(sha256_free_auto) Sha256 *state = sha256_new();
	const int columns = sql_columns(row);
	char hex[SHA256_HEX_SIZE];

	(void)err;
	for (int i = 0; i < columns; i++) {
		const int32_t type = sql_type(row, i);
		int len = 0;
		const void *bytes = sql_blob(row, i, &len);
		const int32_t head[2] = {type, len};

		sha256_add(state, head, sizeof(head));
		if (len > 0)
			sha256_add(state, bytes, (size_t)len);
	}
	sha256_finish(state, hex);
	add_to_sum(arg, hex);
	return true;
}

static bool digest_table(Sql *sql, const char *table, json_t **ret, Err *err)
{
	static const char digits[] = "0123456789abcdef";
	AUTO(free_auto) char *name = sql_quote_name(table);
	AUTO(free_auto) char *query = str_format("SELECT * FROM %s", name);
	RowSum sum = {0};
	char hex[2 * SUM_BYTES + 1] = "";
	json_t *result;

	if (!sql_rows(sql, query, NULL, add_row, &sum, err))
		return false;
	for (int i = 0; i < SUM_BYTES; i++) {
		hex[2 * i] = digits[sum.sum[i] >> 4];
		hex[2 * i + 1] = digits[sum.sum[i] & 15];
	}
	result = json_object();
	json_put_int(result, "rows", sum.rows);
	json_put(result, "digest", hex);
	*ret = result;
	return true;
}

static bool count_table(Sql *sql, const char *table, json_t **ret, Err *err)
{
	AUTO(free_auto) char *name = sql_quote_name(table);
	AUTO(free_auto) char *query = str_format("SELECT count(*) FROM %s", name);
	AUTO(free_auto) char *count = NULL;

	if (!sql_value(sql, query, NULL, &count, err))
		return false;
	*ret = json_integer(strtoll(count, NULL, 10));
	return true;
}

/* All tables within one read transaction, so that they belong together. */
static bool each_table(const char *path, bool (*ask)(Sql *, const char *, json_t **, Err *),
	json_t **ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(strlist_clear) StrList tables = {0};
	AUTO(json_release_auto) json_t *all = json_object();

	if (!sql_open(path, SQL_READ, BUSY_MS, &sql, err) || !sql_run(sql, "BEGIN", NULL, err) ||
		!sql_rows(sql, TABLES_SQL, NULL, add_name, &tables, err))
		return false;
	for (size_t i = 0; i < tables.len; i++) {
		json_t *one = NULL;

		if (!ask(sql, tables.items[i], &one, err))
			return false;
		json_object_set_new(all, tables.items[i], one);
	}
	*ret = TAKE(all);
	return true;
}

bool sqlite_counts(const char *path, json_t **ret, Err *err)
{
	return each_table(path, count_table, ret, err);
}

bool sqlite_digests(const char *path, json_t **ret, Err *err)
{
	return each_table(path, digest_table, ret, err);
}

static void add_difference(json_t *all, const char *table, const json_t *then, const json_t *now)
{
	const int64_t was = json_int(then, "rows", 0), rows = json_int(now, "rows", 0);
	json_t *one;

	if (was == rows && str_is(json_str(then, "digest"), json_str(now, "digest")))
		return;
	if (!was && !rows) /* an empty table that came or went */
		return;
	one = json_object();
	json_put_int(one, "newer", rows > was ? rows - was : -1);
	json_put_int(one, "rows", rows);
	json_put_int(one, "was", was);
	json_object_set_new(all, table, one);
}

json_t *sqlite_differences(const json_t *marks, const json_t *now)
{
	json_t *all = json_object();
	const char *table;
	json_t *one;

	json_object_foreach((json_t *)now, table, one)
		add_difference(all, table, json_object_get(marks, table), one);
	json_object_foreach((json_t *)marks, table, one) if (!json_object_get(now, table))
		add_difference(all, table, one, NULL);
	return all;
}
