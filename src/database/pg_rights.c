#include "database/pg_rights.h"

#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/process_table.h"

/* -- rights, by using them --------------------------------------------------------------------- */

typedef struct Trial {
	PgSession *admin;
	char *first, *second, *third; /* made, copied, what the copy is renamed to; quoted */
} Trial;

char *pg_trial_name(const Database *db, pid_t pid, char which)
{
	AUTO(free_auto) char *tail = str_format("_belay_try_%d_%c", (int)pid, which);

	return str_with_tail(db->live, tail, DATABASE_NAME_MAX);
}

/* Also takes away what an earlier process with this id left behind. */
static bool drop_all(const Trial *trial, Err *err)
{
	return pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->third) &&
	       pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->second) &&
	       pg_runf(trial->admin, err, "DROP DATABASE IF EXISTS %s", trial->first);
}

static void trial_clear(Trial *trial)
{
	AUTO(err_clear) Err ignored = {0};

	if (trial->first && trial->admin && pg_alive(trial->admin) && !drop_all(trial, &ignored))
		event_warn_err("scratch-database", &ignored);
	free(trial->first);
	free(trial->second);
	free(trial->third);
}

static bool try_create(const Trial *trial, const char *owner, Err *err)
{
	AUTO(free_auto) char *quoted = pg_ident(owner);

	if (!FAULT(err, "pg-create"))
		return false;
	if (pg_runf(trial->admin, err, "CREATE DATABASE %s TEMPLATE template0 OWNER %s",
		    trial->first, quoted) &&
		pg_runf(trial->admin, err, "CREATE DATABASE %s TEMPLATE %s OWNER %s", trial->second,
			trial->first, quoted))
		return true;
	err_wrap(err, "creating a scratch database");
	if (!str_is(pg_state(trial->admin), "42501"))
		return false;
	err->kind = ERR_REFUSED;
	return err_hint(err, "as a superuser: ALTER ROLE \"%s\" CREATEDB;", pg_user(trial->admin));
}

/* A session of the application, ended by the one who will have to end it. */
static bool try_terminate(Database *db, const Trial *trial, const char *name, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *victim = NULL;
	AUTO(free_auto) char *id = NULL;
	const char *const params[] = {name, NULL};
	const char *const databases[] = {name, NULL};

	return pg_connect(&db->site->database, databases, &victim, err) &&
	       pg_value(trial->admin, "SELECT oid FROM pg_database WHERE datname = $1", params, &id,
		       err) &&
	       id && pg_others_out(db, id, 0, PG_EVERYBODY, err);
}

static bool try_rename(const Trial *trial, Err *err)
{
	return pg_runf(trial->admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS false",
		       trial->second) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s RENAME TO %s", trial->second,
		       trial->third) &&
	       pg_runf(trial->admin, err, "COMMENT ON DATABASE %s IS 'belay'", trial->third) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s CONNECTION LIMIT 10", trial->third) &&
	       pg_runf(trial->admin, err, "GRANT CONNECT ON DATABASE %s TO PUBLIC", trial->third) &&
	       pg_runf(trial->admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS true", trial->third);
}

static bool owns(Database *db, const PgEntry *live, PgSession *admin, Err *err)
{
	AUTO(free_auto) char *owns = NULL;
	const char *const params[] = {live->owner, NULL};

	/* RENAME asks for the owner's privileges, CREATE … OWNER for membership. */
	if (!pg_value(admin, "SELECT pg_has_role($1, 'USAGE') AND pg_has_role($1, 'MEMBER')",
		    params, &owns, err))
		return false;
	if (str_is(owns, "t"))
		return true;
	err_fail(err, ERR_REFUSED, "database '%s' belongs to role '%s', not to '%s'", live->name,
		live->owner, pg_user(admin));
	return err_hint(err,
		"as a superuser: ALTER DATABASE \"%s\" OWNER TO \"%s\"; or set admin_url in %s",
		live->name, pg_user(admin), db->site->file);
}

bool pg_try_rights(Database *db, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(trial_clear) Trial trial = {0};
	AUTO(free_auto) char *first = pg_trial_name(db, getpid(), 'a');
	AUTO(free_auto) char *second = pg_trial_name(db, getpid(), 'b');
	AUTO(free_auto) char *third = pg_trial_name(db, getpid(), 'c');

	if (!pg_entry(db, db->live, NULL, &live, err) || !pg_admin(db, &trial.admin, err))
		return false;
	if (!live.id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	if (!owns(db, &live, trial.admin, err))
		return false;
	trial.first = pg_ident(first);
	trial.second = pg_ident(second);
	trial.third = pg_ident(third);
	if (!drop_all(&trial, err) || !try_create(&trial, live.owner, err))
		return false;
	if (!try_terminate(db, &trial, second, err) || !try_rename(&trial, err)) {
		if (str_is(pg_state(trial.admin), "42501"))
			err->kind = ERR_REFUSED;
		return err_wrap(err, "trying rights on a scratch database");
	}
	return true;
}

/* A check takes no run lock: another belay may be trying right now. */
static bool tries_now(pid_t pid)
{
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err gone = {0};

	return pid != getpid() && process_read(pid, &process, &gone) &&
	       str_is(process.name, "belay");
}

bool pg_trial_sweep(Database *db, StrList *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) ||
		!pg_query(admin,
			"SELECT datname, (regexp_match(datname, '_([0-9]+)_[a-z]$'))[1],"
			" right(datname, 1) FROM pg_database WHERE datname ~ '_belay_try_[0-9]{1,9}_[a-z]$'",
			NULL, &rows, err))
		return err_wrap(err, "looking for scratch databases");
	for (int i = 0; i < pg_rows(rows); i++) {
		const char *name = pg_text(rows, i, 0);
		const pid_t pid = (pid_t)strtol(pg_text(rows, i, 1), NULL, 10);
		AUTO(free_auto) char *wanted = pg_trial_name(db, pid, *pg_text(rows, i, 2));
		AUTO(free_auto) char *quoted = pg_ident(name);

		if (!str_is(wanted, name) || tries_now(pid))
			continue;
		if (!FAULT(err, "pg-drop") ||
			!pg_runf(admin, err, "DROP DATABASE IF EXISTS %s", quoted))
			return err_wrap(err, "dropping database '%s'", name);
		strlist_add(ret, name);
	}
	return true;
}
