#include "database/pg.h"
#include "database/pg_freeze.h"

#include <poll.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

enum { OUT_MS = 30000, TERMINATE_MS = 5000, PAUSE_MS = 5 };

const DatabaseUrl *pg_admin_url(const Database *db)
{
	const PgBackend *backend = db->backend;

	return backend->has_admin_url ? &backend->admin_url : &db->site->database;
}

bool pg_admin(Database *db, PgSession **ret, Err *err)
{
	PgBackend *backend = db->backend;
	const char *named = backend->has_admin_url ? backend->admin_url.name : NULL;
	const char *wanted[] = {named, "postgres", "template1"};
	const char *databases[4] = {NULL};
	AUTO(free_auto) char *spares = str_format("%s_belay_", db->live);
	size_t count = 0;

	if (backend->admin && pg_alive(backend->admin)) {
		*ret = backend->admin;
		return true;
	}
	pg_disconnect(TAKE(backend->admin));
	/* Neither of the two places: those are renamed and shut. */
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (!str_empty(wanted[i]) && !str_is(wanted[i], db->live) &&
			!str_starts(wanted[i], spares))
			databases[count++] = wanted[i];
	}
	if (!pg_connect(pg_admin_url(db), databases, &backend->admin, err))
		return false;
	*ret = backend->admin;
	return true;
}

bool pg_server_id(Database *db, const char **ret, Err *err)
{
	PgBackend *backend = db->backend;
	PgSession *admin;

	if (!backend->server_id) {
		if (!pg_admin(db, &admin, err) ||
			!pg_value(admin, "SELECT system_identifier FROM pg_control_system()", NULL,
				&backend->server_id, err))
			return err_wrap(err, "asking for the server's identity");
	}
	*ret = backend->server_id;
	return true;
}

bool pg_open(Database *db, const char *place, PgSession **ret, Err *err)
{
	const char *const databases[] = {place, NULL};

	return pg_connect(&db->site->database, databases, ret, err);
}

bool pg_open_all(Database *db, const char *place, PgSession **ret, Err *err)
{
	const char *const databases[] = {place, NULL};

	return pg_connect(pg_admin_url(db), databases, ret, err);
}

void pg_entry_clear(PgEntry *entry)
{
	free(entry->id);
	free(entry->name);
	free(entry->owner);
	free(entry->comment);
	*entry = (PgEntry){0};
}

bool pg_entry(Database *db, const char *name, const char *id, PgEntry *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {name ? name : id, NULL};
	PgSession *admin;
	const char *query =
		name ? "SELECT oid, datname, pg_get_userbyid(datdba), datallowconn,"
		       " shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1"
		     : "SELECT oid, datname, pg_get_userbyid(datdba), datallowconn,"
		       " shobj_description(oid, 'pg_database') FROM pg_database WHERE oid::text = $1";

	if (!pg_admin(db, &admin, err) || !pg_query(admin, query, params, &rows, err))
		return false;
	pg_entry_clear(ret);
	if (pg_rows(rows) == 0)
		return true;
	ret->id = str_dup(pg_text(rows, 0, 0));
	ret->name = str_dup(pg_text(rows, 0, 1));
	ret->owner = str_dup(pg_text(rows, 0, 2));
	ret->open = pg_bool(rows, 0, 3);
	ret->comment = str_dup(pg_text(rows, 0, 4));
	return true;
}

bool pg_door(Database *db, const char *id, bool open, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};
	AUTO(free_auto) char *name = NULL;
	PgSession *admin;

	if (!pg_entry(db, NULL, id, &entry, err))
		return false;
	if (!entry.id || entry.open == open)
		return true;
	name = pg_ident(entry.name);
	if (!pg_admin(db, &admin, err) || !FAULT(err, "pg-door") ||
		!pg_runf(admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS %s", name,
			open ? "true" : "false")) {
		return open ? err_wrap(err, "opening the door of database '%s'", entry.name)
			    : err_wrap(err, "shutting the door of database '%s'", entry.name);
	}
	return true;
}

bool pg_door_is_open(Database *db, const char *id, bool *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};

	if (!pg_entry(db, NULL, id, &entry, err))
		return false;
	if (!entry.id)
		return err_fail(err, ERR_FOREIGN, "there is no database with the id %s", id);
	*ret = entry.open;
	return true;
}

bool pg_enter(Database *db, const char *id, bool shut, PgSession **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_entry_clear) PgEntry entry = {0};
	AUTO(err_clear) Err later = {0};
	bool entered, restored = true;

	if (!pg_entry(db, NULL, id, &entry, err))
		return false;
	if (!entry.id)
		return err_fail(err, ERR_FOREIGN, "there is no database with the id %s", id);
	const char *const databases[] = {entry.name, NULL};

	if (!entry.open && !pg_door(db, id, true, err))
		return false;
	entered = pg_connect(pg_admin_url(db), databases, &session, err);
	if (shut || !entry.open)
		restored = pg_door(db, id, false, entered ? err : &later);
	if (!entered || !restored)
		return false;
	*ret = TAKE(session);
	return true;
}

/* -- sessions --------------------------------------------------------------------------------- */

/* usesysid is NULL for the server's own workers (autovacuum): RENAME and TEMPLATE cancel those
 * themselves. backend_type would tell, but ordinary roles may not see it. */
#define SESSIONS_OF(more)                                                                          \
	"SELECT pid, coalesce(usename, usesysid::text), coalesce(application_name, ''),"           \
	" coalesce(host(client_addr), ''), coalesce(state, ''),"                                   \
	" date_trunc('second', backend_start),"                                                    \
	" pid IN (SELECT active_pid FROM pg_replication_slots WHERE active_pid IS NOT NULL"        \
	"  UNION ALL SELECT pid FROM pg_stat_subscription WHERE pid IS NOT NULL)"                  \
	" FROM pg_stat_activity WHERE datid::text = $1 AND usesysid IS NOT NULL"                   \
	" AND pid <> pg_backend_pid() " more " ORDER BY backend_start, pid"

static const char sessions_query[] = SESSIONS_OF("AND pid::text <> $2");
/* The start of another role's session is hidden from ordinary roles: such a one counts as older. */
static const char older_query[] = SESSIONS_OF(
	"AND coalesce(backend_start, '-infinity') <= $2::timestamptz");

/* A session reads the settings of its database under this lock, before it shows itself in
 * pg_stat_activity. */
static const char starting_query[] =
	"SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND granted"
	" AND classid = 'pg_database'::regclass AND objid::text = $1 AND mode = 'RowExclusiveLock'";

/* "pid 12: webui, psql, 127.0.0.1, 2026-11-23 21:33:10+00, idle": values only, for it stands in
 * texts of every language. Address, start and state of another role's session are hidden from
 * ordinary roles. */
static char *describe(const PgRows *rows, int row)
{
	const char *program = pg_text(rows, row, 2);
	const char *address = pg_text(rows, row, 3);
	const char *state = pg_text(rows, row, 4);
	const char *since = pg_text(rows, row, 5);

	return str_format("pid %s: %s%s%s%s%s%s%s%s%s", pg_text(rows, row, 0),
		pg_text(rows, row, 1), program[0] ? ", " : "", program, address[0] ? ", " : "",
		address, since ? ", " : "", since ? since : "", state[0] ? ", " : "", state);
}

/* The application's sessions: its role, and the name it was told to give, usually none (psycopg and
 * asyncpg give none by themselves; psql, pgAdmin and BI tools do). */
static char *applications_name(const Database *db)
{
	AUTO(strlist_clear) StrList keywords = {0};
	AUTO(strlist_clear) StrList values = {0};
	const char *name = env_get(&db->site->recipe.env, "PGAPPNAME");

	database_url_conninfo(&db->site->database, &keywords, &values);
	for (size_t i = 0; i < keywords.len; i++) {
		if (str_is(keywords.items[i], "application_name"))
			name = values.items[i];
	}
	return str_dup(name ? name : "");
}

/* The application's own, or a belay's: one that only looks (status, logs), or that was closed and
 * whose backend is about to go. */
static bool is_sites(const Database *db, const PgRows *rows, int row)
{
	const char *role = pg_text(rows, row, 1);
	const char *program = pg_text(rows, row, 2);
	AUTO(free_auto) char *own = applications_name(db);

	if (str_is(program, "belay") && str_is(role, pg_admin_url(db)->user))
		return true;
	return str_is(role, db->site->database.user) &&
	       (str_is(program, own) || str_is(program, "belay"));
}

static bool is_agreed(const Database *db, const PgRows *rows, int row)
{
	return db->site->disconnect_others || is_sites(db, rows, row) ||
	       (db->site->accept_replication && pg_bool(rows, row, 6));
}

bool pg_sessions(Database *db, StrList *ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	PgSession *admin;

	if (!pg_entry(db, db->live, NULL, &live, err) || !pg_admin(db, &admin, err))
		return false;
	if (!live.id)
		return true;
	const char *const params[] = {live.id, "0", NULL};

	if (!pg_query(admin, sessions_query, params, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		AUTO(free_auto) char *line = describe(rows, i);

		if (!is_sites(db, rows, i))
			strlist_add(ret, line);
	}
	return true;
}

/* Who stays: those that this role may not end, those that nobody agreed to end. */
typedef struct Staying {
	StrList forbidden, others;
} Staying;

static void staying_clear(Staying *staying)
{
	strlist_clear(&staying->forbidden);
	strlist_clear(&staying->others);
}

static bool end_one(PgSession *admin, const PgRows *rows, int row, Staying *staying, Err *err)
{
	AUTO(free_auto) char *limit = str_format("%d", TERMINATE_MS);
	const char *const params[] = {pg_text(rows, row, 0), limit, NULL};
	AUTO(err_clear) Err said = {0};
	AUTO(pg_rows_free_auto) PgRows *done = NULL;
	AUTO(free_auto) char *line = NULL;

	if (!FAULT(err, "pg-terminate"))
		return false;
	if (pg_query(admin, "SELECT pg_terminate_backend($1::int, $2::bigint)", params, &done,
		    &said))
		return true;
	if (!str_is(pg_state(admin), "42501")) {
		err_move(err, &said);
		return false;
	}
	line = describe(rows, row);
	strlist_add(&staying->forbidden, line);
	return true;
}

static bool cannot_end(Database *db, const Staying *staying, Err *err)
{
	const StrList *stay = staying->forbidden.len ? &staying->forbidden : &staying->others;
	AUTO(free_auto) char *lines = strlist_join(stay, "; ");

	if (staying->forbidden.len == 0) {
		err_fail(err, ERR_REFUSED, "others use the database: %s", lines);
		return err_hint(err,
			"end them there, or let belay do it: the same command with --disconnect-others");
	}
	err_fail(err, ERR_REFUSED, "role '%s' may not end sessions on the database: %s",
		pg_admin_url(db)->user ? pg_admin_url(db)->user : "", lines);
	return err_hint(
		err, "end them there, or set admin_url in %s to a superuser's URL", db->site->file);
}

/* One look: ends what the query finds. *ret_left: how many there were. */
static bool end_found(Database *db, PgSession *admin, PgWhom whom, const char *query,
	const char *const *params, int *ret_left, Staying *staying, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_query(admin, query, params, &rows, err))
		return err_wrap(err, "looking for sessions");
	for (int i = 0; i < pg_rows(rows); i++) {
		if (whom == PG_AGREED && !is_agreed(db, rows, i)) {
			AUTO(free_auto) char *line = describe(rows, i);

			strlist_add(&staying->others, line);
		} else if (!end_one(admin, rows, i, staying, err)) {
			return err_wrap(err, "ending a session");
		}
	}
	*ret_left = pg_rows(rows);
	return true;
}

static bool still_there(Err *err)
{
	return err_fail(err, ERR_TIMEOUT, "sessions on the database did not end within %lld s",
		whole_seconds(OUT_MS));
}

bool pg_others_out(Database *db, const char *id, int keep_pid, PgWhom whom, Err *err)
{
	const Deadline deadline = deadline_in(OUT_MS);
	AUTO(free_auto) char *keep = str_format("%d", keep_pid);
	const char *const params[] = {id, keep, NULL};
	PgSession *admin;

	if (!pg_admin(db, &admin, err))
		return false;
	while (true) {
		AUTO(staying_clear) Staying staying = {0};
		int left = 0;

		if (!end_found(db, admin, whom, sessions_query, params, &left, &staying, err))
			return false;
		if (staying.forbidden.len + staying.others.len > 0)
			return cannot_end(db, &staying, err);
		if (left == 0)
			return true;
		if (deadline_left_ms(deadline) == 0)
			return still_there(err);
	}
}

/* *ret: nobody is starting now and everyone older was ended. In this order: who starts after the
 * first question reads the settings after it too. */
static bool older_are_out(Database *db, PgSession *admin, const char *const *params,
	Staying *staying, bool *ret, Err *err)
{
	const char *const only_id[] = {params[0], NULL};
	AUTO(free_auto) char *starting = NULL;
	int left = 0;

	staying_clear(staying);
	if (!pg_value(admin, starting_query, only_id, &starting, err) ||
		!end_found(db, admin, PG_AGREED, older_query, params, &left, staying, err))
		return false;
	*ret = str_is(starting, "0") && left == (int)(staying->forbidden.len + staying->others.len);
	return true;
}

bool pg_older_out(Database *db, const char *id, StrList *ret_refused, Err *err)
{
	const Deadline deadline = deadline_in(OUT_MS);
	AUTO(staying_clear) Staying staying = {0};
	AUTO(free_auto) char *now = NULL;
	PgSession *admin;
	bool out = false;

	if (!pg_admin(db, &admin, err) ||
		!pg_value(admin, "SELECT clock_timestamp()", NULL, &now, err))
		return false;
	const char *const params[] = {id, now, NULL};

	while (!out) {
		if (!older_are_out(db, admin, params, &staying, &out, err))
			return false;
		if (!ret_refused && staying.forbidden.len + staying.others.len > 0)
			return cannot_end(db, &staying, err);
		if (!out && deadline_left_ms(deadline) == 0)
			return still_there(err);
		/* The end of a session that is only starting is no event that one could wait for.
		 */
		if (!out)
			poll(NULL, 0, PAUSE_MS);
	}
	if (ret_refused) {
		strlist_add_all(ret_refused, &staying.forbidden);
		strlist_add_all(ret_refused, &staying.others);
	}
	return true;
}
