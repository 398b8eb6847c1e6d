#include "database/pg.h"
#include "database/pg_freeze.h"

#include "base/mem.h"
#include "base/text.h"

/* The proof: S is the snapshot of the copy. A row that is there now and is visible in S was there
 * at S; so when every row is, and there are as many as at S, the two sets are equal. INSERT and
 * UPDATE show by xmin, DELETE and TRUNCATE by the count; rolled back writes and FOR UPDATE raise no
 * alarm. WAL positions, transaction ids and statistics prove nothing: reads move them too.
 *
 * xmin has 32 bits, a snapshot 64: the epoch is that of now ($2), or the one before when the result
 * would lie in the future. Ids below 3 are those of frozen rows of old servers. */
#define NEWER(next, snapshot)                                                                      \
	"x >= 3 AND NOT pg_visible_in_snapshot(greatest((" next "::bigint >> 32 << 32) + x"        \
	" - CASE WHEN x > (" next "::bigint & 4294967295) THEN 4294967296 ELSE 0 END, 3)"          \
	"::text::xid8, " snapshot "::pg_snapshot)"
#define NEWER_FORMAT                                                                               \
	"SELECT count(*), count(*) FILTER (WHERE " NEWER(                                          \
		"$2", "$1") ")"                                                                    \
			    " FROM (SELECT xmin::text::bigint AS x FROM ONLY %s) AS d"

enum { LOCK_MS = 3000, MAX_LOCKS = 1 << 18, MAX_TOLD = 20 };
static const int64_t XID_DISTANCE_MAX = (int64_t)1 << 31;

/* Relations with their files, and all that DDL writes about them and beside them. VACUUM and
 * ANALYZE change pg_class in place and leave its xmin; schemas of temporary tables come and go. */
static const char relations_query[] =
	"SELECT md5(string_agg(line, ',' ORDER BY line COLLATE \"C\")) FROM ("
	"SELECT 'r' || oid || ':' || relfilenode || ':' || xmin AS line FROM pg_class"
	"  WHERE oid >= 16384 AND relpersistence <> 't'"
	" UNION ALL SELECT 'a' || attrelid || ':' || attnum || ':' || xmin FROM pg_attribute"
	"  WHERE attrelid >= 16384"
	" UNION ALL SELECT 'c' || oid || ':' || xmin FROM pg_constraint WHERE oid >= 16384"
	" UNION ALL SELECT 'f' || oid || ':' || xmin FROM pg_proc WHERE oid >= 16384"
	" UNION ALL SELECT 't' || oid || ':' || xmin FROM pg_type WHERE oid >= 16384"
	" UNION ALL SELECT 'g' || oid || ':' || xmin FROM pg_trigger WHERE oid >= 16384"
	" UNION ALL SELECT 'v' || oid || ':' || xmin FROM pg_rewrite WHERE oid >= 16384"
	" UNION ALL SELECT 'e' || oid || ':' || xmin FROM pg_enum WHERE oid >= 16384"
	" UNION ALL SELECT 'n' || oid || ':' || xmin FROM pg_namespace WHERE nspname !~ '^pg_'"
	" UNION ALL SELECT 'd' || objoid || ':' || objsubid || ':' || xmin FROM pg_description"
	"  WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass"
	" UNION ALL SELECT 's' || objoid || ':' || objsubid || ':' || xmin FROM pg_seclabel"
	" UNION ALL SELECT 'D' || oid || ':' || xmin FROM pg_default_acl"
	" UNION ALL SELECT 'P' || oid || ':' || xmin FROM pg_policy"
	" UNION ALL SELECT 'u' || oid || ':' || xmin FROM pg_publication"
	" UNION ALL SELECT 'U' || oid || ':' || xmin FROM pg_publication_rel"
	" UNION ALL SELECT 'x' || oid || ':' || xmin FROM pg_extension"
	" UNION ALL SELECT 'E' || oid || ':' || xmin FROM pg_event_trigger) AS l";

/* The content of large objects is for superusers to see; owners and number for everyone. */
static const char large_objects_query[] =
	"SELECT count(*) || ':' || coalesce(md5(string_agg(oid || ':' || xmin, ',' ORDER BY oid)), '')"
	" FROM pg_largeobject_metadata";
static const char large_content_query[] =
	"SELECT count(*) || ':' || coalesce(md5(string_agg(loid || ':' || pageno || ':' || xmin, ','"
	" ORDER BY loid, pageno)), '') FROM pg_largeobject";

static bool sequences(PgSession *session, json_t **ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(json_release_auto) json_t *all = json_object();

	if (!pg_query(session,
		    "SELECT c.oid::regclass::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
		    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		    " WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid >= 16384 ORDER BY 1",
		    NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		AUTO(free_auto)
		char *query = str_format(
			"SELECT last_value || ',' || is_called FROM %s", pg_text(rows, i, 1));
		AUTO(free_auto) char *value = NULL;

		if (!pg_value(session, query, NULL, &value, err))
			return err_wrap(err, "reading sequence '%s'", pg_text(rows, i, 0));
		json_put(all, pg_text(rows, i, 0), value);
	}
	*ret = TAKE(all);
	return true;
}

static bool large_objects(PgSession *session, char **ret, Err *err)
{
	AUTO(free_auto) char *owners = NULL;
	AUTO(free_auto) char *allowed = NULL;
	AUTO(free_auto) char *content = NULL;

	if (!pg_value(session, large_objects_query, NULL, &owners, err) ||
		!pg_value(session, "SELECT has_table_privilege('pg_largeobject', 'SELECT')", NULL,
			&allowed, err))
		return false;
	if (str_is(allowed, "t") && !pg_value(session, large_content_query, NULL, &content, err))
		return false;
	*ret = str_format("%s %s", owners, content ? content : "-");
	return true;
}

bool pg_proof_record(Database *db, PgSession *session, const char *id, json_t **ret, Err *err)
{
	AUTO(pg_tables_clear) PgTables tables = {0};
	AUTO(free_auto) char *snapshot = NULL;
	AUTO(free_auto) char *relations = NULL;
	AUTO(free_auto) char *objects = NULL;
	json_t *counts = NULL, *seen = NULL;
	const char *server_id;

	if (!pg_server_id(db, &server_id, err))
		return false;
	if (!pg_value(session, "SELECT pg_current_snapshot()", NULL, &snapshot, err) ||
		!pg_tables(session, &tables, err) ||
		!pg_value(session, relations_query, NULL, &relations, err) ||
		!large_objects(session, &objects, err) || !sequences(session, &seen, err))
		return err_wrap(err, "recording the state of the database");
	if (!pg_count_all(session, &tables, &counts, err)) {
		json_decref(seen);
		return err_wrap(err, "recording the state of the database");
	}
	json_t *proof = json_object();

	json_put(proof, "server_id", server_id);
	json_put(proof, "id", id);
	json_put(proof, "snapshot", snapshot);
	json_put(proof, "relations", relations);
	json_put(proof, "large_objects", objects);
	json_object_set_new(proof, "sequences", seen);
	json_object_set_new(proof, "tables", counts);
	*ret = proof;
	return true;
}

bool pg_proof_take(Database *db, PgSession *session, const char *id, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *proof = NULL;

	pg_limit(session, PG_LIMIT_LONG_MS);
	if (!pg_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
		!pg_proof_record(db, session, id, &proof, err) || !pg_run(session, "COMMIT", err))
		return false;
	*ret = TAKE(proof);
	return true;
}

/* The id that the next transaction would get: the upper end for xmin, and the distance to S. */
static bool next_xid(PgSession *session, const char *snapshot, char **ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {snapshot, NULL};

	if (!pg_query(session,
		    "SELECT pg_snapshot_xmax(pg_current_snapshot()), pg_snapshot_xmax($1::pg_snapshot)",
		    params, &rows, err))
		return err_wrap(err, "reading the recorded snapshot");
	const int64_t distance = pg_int(rows, 0, 0) - pg_int(rows, 0, 1);

	if (distance < 0 || distance >= XID_DISTANCE_MAX)
		return err_fail(err, ERR_FOREIGN,
			"whether rows were written cannot be told: %lld transactions since the snapshot",
			(long long)distance);
	*ret = str_dup(pg_text(rows, 0, 0));
	return true;
}

bool pg_newer_condition(PgSession *session, const json_t *marks, char **ret, Err *err)
{
	const char *snapshot = json_str(marks, "snapshot");
	AUTO(free_auto) char *next = NULL;
	AUTO(free_auto) char *quoted = pg_literal(snapshot);

	if (!snapshot)
		return err_fail(err, ERR_INTERNAL, "a recorded database state is not one");
	if (!next_xid(session, snapshot, &next, err))
		return false;
	*ret = str_format(NEWER("%s", "%s"), next, next, quoted);
	return true;
}

static bool newer_rows(PgSession *session, const PgTable *table, const char *snapshot,
	const char *next, int64_t *ret_rows, int64_t *ret_newer, Err *err)
{
	AUTO(free_auto) char *query = str_format(NEWER_FORMAT, table->sql);
	const char *const params[] = {snapshot, next, NULL};
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_query(session, query, params, &rows, err))
		return err_wrap(err, "looking for new rows in table '%s'", table->label);
	*ret_rows = pg_int(rows, 0, 0);
	*ret_newer = pg_int(rows, 0, 1);
	return true;
}

/* {"table": {"newer": n, "rows": now, "was": then}} for those that differ; a table that is gone has
 * no rows now, one that is new had none. */
static bool compare_tables(PgSession *session, const json_t *proof, json_t **ret, Err *err)
{
	const json_t *then = json_object_get(proof, "tables");
	const char *snapshot = json_str(proof, "snapshot");
	AUTO(json_release_auto) json_t *differences = json_object();
	AUTO(json_release_auto) json_t *left = json_copy((json_t *)then);
	AUTO(pg_tables_clear) PgTables tables = {0};
	AUTO(free_auto) char *next = NULL;
	const char *label;
	json_t *rows_then;

	if (!snapshot || !json_is_object(then))
		return err_fail(err, ERR_INTERNAL, "a recorded database state is not one");
	if (!next_xid(session, snapshot, &next, err) || !pg_tables(session, &tables, err))
		return false;
	for (size_t i = 0; i < tables.len; i++) {
		const PgTable *table = &tables.items[i];
		const int64_t was = json_int(then, table->label, 0);
		int64_t rows = 0, newer = 0;

		if (!newer_rows(session, table, snapshot, next, &rows, &newer, err))
			return false;
		json_object_del(left, table->label);
		if (newer != 0 || rows != was)
			json_object_set_new(differences, table->label,
				json_pack("{s:I,s:I,s:I}", "newer", (json_int_t)newer, "rows",
					(json_int_t)rows, "was", (json_int_t)was));
	}
	json_object_foreach(left, label, rows_then)
	{
		json_object_set_new(differences, label,
			json_pack("{s:i,s:i,s:I}", "newer", 0, "rows", 0, "was",
				json_integer_value(rows_then)));
	}
	*ret = TAKE(differences);
	return true;
}

/* All at once and with a limit: whoever still writes makes this fail instead of being missed. It
 * waits for prepared transactions too. The server makes an autovacuum worker in the way give up
 * after deadlock_timeout, usually one second. */
bool pg_lock_tables(PgSession *session, int limit_ms, Err *err)
{
	AUTO(pg_tables_clear) PgTables tables = {0};
	AUTO(text_clear) Text query = TEXT_INIT(MAX_LOCKS);

	if (!pg_run(session, "BEGIN", err) || !pg_tables(session, &tables, err) ||
		!pg_runf(session, err, "SET LOCAL lock_timeout = %d", limit_ms))
		return false;
	for (size_t i = 0; i < tables.len; i++) {
		if (tables.items[i].lockable)
			text_addf(&query, "%s%s", query.len ? ", " : "LOCK TABLE ONLY ",
				tables.items[i].sql);
	}
	if (!query.len)
		return true;
	text_add(&query, " IN SHARE MODE");
	if (query.truncated)
		return err_fail(err, ERR_DATABASE, "there are too many tables to lock");
	return pg_run(session, query.data, err);
}

static void tell_tables(const json_t *differences, Err *story)
{
	const size_t all = json_object_size(differences);
	const char *label;
	json_t *entry;
	size_t told = 0;

	json_object_foreach((json_t *)differences, label, entry)
	{
		if (told++ == MAX_TOLD)
			break;
		err_also(story, ERR_FOREIGN, "table '%s': %lld newer, %lld now, %lld then", label,
			(long long)json_int(entry, "newer", 0),
			(long long)json_int(entry, "rows", 0),
			(long long)json_int(entry, "was", 0));
	}
	if (all > MAX_TOLD)
		err_also(story, ERR_FOREIGN, "more tables: %zu", all - MAX_TOLD);
}

static bool compare_rest(PgSession *session, const json_t *proof, Err *story, Err *err)
{
	AUTO(free_auto) char *relations = NULL;
	AUTO(free_auto) char *objects = NULL;
	AUTO(json_release_auto) json_t *seen = NULL;

	if (!pg_value(session, relations_query, NULL, &relations, err) ||
		!large_objects(session, &objects, err) || !sequences(session, &seen, err))
		return false;
	if (!str_is(relations, json_str(proof, "relations")))
		err_also(story, ERR_FOREIGN, "tables, columns, indexes or functions");
	if (!str_is(objects, json_str(proof, "large_objects")))
		err_also(story, ERR_FOREIGN, "large objects");
	if (!json_equal(seen, json_object_get(proof, "sequences")))
		err_also(story, ERR_FOREIGN, "sequences");
	return true;
}

bool pg_proof_check(PgSession *session, const json_t *proof, Err *err)
{
	AUTO(json_release_auto) json_t *differences = NULL;
	AUTO(err_clear) Err story = {0};

	pg_limit(session, PG_LIMIT_LONG_MS);
	if (!pg_lock_tables(session, LOCK_MS, err))
		return err_wrap(err, "locking the tables for the last look");
	if (!compare_tables(session, proof, &differences, err) ||
		!compare_rest(session, proof, &story, err) || !pg_run(session, "ROLLBACK", err))
		return err_wrap(err, "looking for changes since the copy");
	tell_tables(differences, &story);
	if (story.kind == ERR_NONE)
		return true;
	err_move(err, &story);
	return err_wrap(err, "the database was changed after it was copied");
}

/* -- what was written since a baseline --------------------------------------------------------- */

bool pg_enter_place(Database *db, const char *place, PgEntry *entry, PgSession **ret, Err *err)
{
	if (!pg_entry(db, place, NULL, entry, err))
		return false;
	if (!entry->id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", place);
	return pg_enter(db, entry->id, false, ret, err);
}

bool pg_mark(Database *db, const char *place, json_t **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_entry_clear) PgEntry entry = {0};

	return pg_enter_place(db, place, &entry, &session, err) &&
	       pg_proof_take(db, session, entry.id, ret, err);
}

bool pg_written_since(Database *db, const char *place, const json_t *marks, json_t **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_entry_clear) PgEntry entry = {0};
	const char *server_id;

	if (!pg_server_id(db, &server_id, err) || !pg_enter_place(db, place, &entry, &session, err))
		return false;
	if (!str_is(server_id, json_str(marks, "server_id")) ||
		!str_is(entry.id, json_str(marks, "id")))
		return err_fail(err, ERR_FOREIGN,
			"what was written to '%s' cannot be told: it is not the database that was marked",
			place);
	pg_limit(session, PG_LIMIT_LONG_MS);
	return pg_run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) &&
	       compare_tables(session, marks, ret, err);
}
