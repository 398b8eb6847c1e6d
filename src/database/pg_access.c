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
	" coalesce(host(client_addr), ''), coalesce(state, '')"                                    \
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

/* "pid 12: webui, psql, 127.0.0.1, idle": values only, for it stands in texts of every language.
 * Address and state of another role's session are hidden from ordinary roles. */
static char *describe(const PgRows *rows, int row)
{
	const char *program = pg_text(rows, row, 2);
	const char *address = pg_text(rows, row, 3);
	const char *state = pg_text(rows, row, 4);

	return str_format("pid %s: %s%s%s%s%s%s%s", pg_text(rows, row, 0), pg_text(rows, row, 1),
		program[0] ? ", " : "", program, address[0] ? ", " : "", address,
		state[0] ? ", " : "", state);
}

/* The application's own: its role, and no program name (psycopg and asyncpg give none; psql,
 * pgAdmin and BI tools do). Nor a session of belay in that role: it was closed, and its backend is
 * about to go. */
static bool is_applications(const Database *db, const PgRows *rows, int row)
{
	const char *program = pg_text(rows, row, 2);

	return str_is(pg_text(rows, row, 1), db->site->database.user) &&
	       (str_empty(program) || str_is(program, "belay"));
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

		if (!is_applications(db, rows, i))
			strlist_add(ret, line);
	}
	return true;
}

static bool end_one(PgSession *admin, const PgRows *rows, int row, StrList *refused, Err *err)
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
	strlist_add(refused, line);
	return true;
}

static bool cannot_end(Database *db, const StrList *refused, Err *err)
{
	AUTO(free_auto) char *lines = strlist_join(refused, "; ");

	err_fail(err, ERR_REFUSED, "role '%s' may not end sessions on the database: %s",
		pg_admin_url(db)->user ? pg_admin_url(db)->user : "", lines);
	return err_hint(
		err, "end them there, or set admin_url in %s to a superuser's URL", db->site->file);
}

/* One look: ends what the query finds. *ret_left: how many there were. */
static bool end_found(PgSession *admin, const char *query, const char *const *params, int *ret_left,
	StrList *refused, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_query(admin, query, params, &rows, err))
		return err_wrap(err, "looking for sessions");
	for (int i = 0; i < pg_rows(rows); i++) {
		if (!end_one(admin, rows, i, refused, err))
			return err_wrap(err, "ending a session");
	}
	*ret_left = pg_rows(rows);
	return true;
}

static bool still_there(Err *err)
{
	return err_fail(err, ERR_TIMEOUT, "sessions on the database did not end within %lld s",
		whole_seconds(OUT_MS));
}

bool pg_others_out(Database *db, const char *id, int keep_pid, Err *err)
{
	const Deadline deadline = deadline_in(OUT_MS);
	AUTO(free_auto) char *keep = str_format("%d", keep_pid);
	const char *const params[] = {id, keep, NULL};
	PgSession *admin;

	if (!pg_admin(db, &admin, err))
		return false;
	while (true) {
		AUTO(strlist_clear) StrList refused = {0};
		int left = 0;

		if (!end_found(admin, sessions_query, params, &left, &refused, err))
			return false;
		if (refused.len > 0)
			return cannot_end(db, &refused, err);
		if (left == 0)
			return true;
		if (deadline_left_ms(deadline) == 0)
			return still_there(err);
	}
}

/* *ret: nobody is starting now and everyone older was ended. In this order: who starts after the
 * first question reads the settings after it too. */
static bool older_are_out(
	PgSession *admin, const char *const *params, StrList *refused, bool *ret, Err *err)
{
	const char *const only_id[] = {params[0], NULL};
	AUTO(free_auto) char *starting = NULL;
	int left = 0;

	strlist_clear(refused);
	if (!pg_value(admin, starting_query, only_id, &starting, err) ||
		!end_found(admin, older_query, params, &left, refused, err))
		return false;
	*ret = str_is(starting, "0") && left == (int)refused->len;
	return true;
}

bool pg_older_out(Database *db, const char *id, StrList *ret_refused, Err *err)
{
	const Deadline deadline = deadline_in(OUT_MS);
	AUTO(strlist_clear) StrList refused = {0};
	AUTO(free_auto) char *now = NULL;
	PgSession *admin;
	bool out = false;

	if (!pg_admin(db, &admin, err) ||
		!pg_value(admin, "SELECT clock_timestamp()", NULL, &now, err))
		return false;
	const char *const params[] = {id, now, NULL};

	while (!out) {
		if (!older_are_out(admin, params, &refused, &out, err))
			return false;
		if (!ret_refused && refused.len > 0)
			return cannot_end(db, &refused, err);
		if (!out && deadline_left_ms(deadline) == 0)
			return still_there(err);
		/* The end of a session that is only starting is no event that one could wait for.
		 */
		if (!out)
			poll(NULL, 0, PAUSE_MS);
	}
	if (ret_refused)
		strlist_add_all(ret_refused, &refused);
	return true;
}
