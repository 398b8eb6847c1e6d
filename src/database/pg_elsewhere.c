#include "database/pg_elsewhere.h"
#include "database/pg_rights.h"

#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

void pg_restore_as(const Database *db, bool superuser, StrList *argv)
{
	/* Only a superuser can give objects to others; for everyone else they become his own. */
	if (!superuser || db->like)
		strlist_add(argv, "--no-owner");
	/* Those who were granted something need not be there. */
	if (db->like)
		strlist_add(argv, "--no-privileges");
}

/* -- making ----------------------------------------------------------------------------------- */

static bool create(Database *db, const char *quoted, Err *err)
{
	AUTO(text_clear) Text words = TEXT_INIT(8192);
	PgSession *here, *there;

	if (!pg_admin(db->like, &here, err) || !pg_admin(db, &there, err) ||
		!pg_locale_words(here, db->live, &words, err) || !FAULT(err, "pg-create"))
		return false;
	if (pg_runf(there, err, "CREATE DATABASE %s TEMPLATE template0 ALLOW_CONNECTIONS false%s",
		    quoted, words.data ? words.data : ""))
		return true;
	if (str_is(pg_state(there), "42501"))
		err_hint(err, "as a superuser there: ALTER ROLE \"%s\" CREATEDB;", pg_user(there));
	return false;
}

/* What the application's sessions have of their role and of their database, wherever it was set: a
 * search_path decides where a migration puts its tables. */
#define SETTINGS                                                                                   \
	"SELECT name, setting FROM pg_settings WHERE context = 'user'"                             \
	" AND name NOT IN ('default_transaction_read_only', 'role', 'client_encoding')"            \
	" AND (source IN ('database', 'user', 'database user')"                                    \
	"  OR (source = 'client' AND name = 'search_path')) ORDER BY name"

static bool carry_settings(Database *db, PgSession *there, const char *quoted, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *application = NULL;
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_connect_as_is(&db->like->site->database, NULL, &application, err) ||
		!pg_query(application, SETTINGS, NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		const char *name = pg_text(rows, i, 0);
		AUTO(free_auto) char *setting = pg_ident(name);
		AUTO(free_auto) char *value = pg_setting_value(name, pg_text(rows, i, 1));

		if (!pg_runf(there, err, "ALTER DATABASE %s SET %s TO %s", quoted, setting, value))
			return err_wrap(err, "setting '%s'", name);
	}
	return true;
}

bool pg_create_elsewhere(Database *db, const char *spare, const char *run, Err *err)
{
	AUTO(free_auto) char *quoted = pg_ident(spare);
	AUTO(free_auto) char *mark = pg_mark_of(run);
	PgSession *there;

	if (!create(db, quoted, err))
		return err_wrap(err, "making database '%s'", spare);
	return pg_admin(db, &there, err) && FAULT(err, "pg-comment") &&
	       pg_comment_set(there, spare, mark, err) && carry_settings(db, there, quoted, err) &&
	       FAULT(err, "pg-open-copy") &&
	       pg_runf(there, err, "ALTER DATABASE %s ALLOW_CONNECTIONS true", quoted);
}

/* -- does it fit? ----------------------------------------------------------------------------- */

static bool is_another(Database *db, Err *err)
{
	const char *here, *there;

	if (!pg_server_id(db->like, &here, err) || !pg_server_id(db, &there, err))
		return false;
	if (!str_is(here, there))
		return true;
	err_fail(err, ERR_REFUSED, "it is the server of the site's own database");
	return err_hint(err, "remove 'rehearsal_server = …' from %s, or name another server",
		db->site->file);
}

static bool is_new_enough(Database *db, Err *err)
{
	PgSession *here, *there;
	int wants, has;

	if (!pg_admin(db->like, &here, err) || !pg_admin(db, &there, err))
		return false;
	wants = pg_server_version(here) / 10000;
	has = pg_server_version(there) / 10000;
	return has >= wants ||
	       err_fail(err, ERR_REFUSED,
		       "it is PostgreSQL %d, and the site's database is of PostgreSQL %d", has,
		       wants);
}

static bool has_extension(PgSession *there, const char *name, Err *err)
{
	AUTO(free_auto) char *allowed = NULL;
	const char *const params[] = {name, NULL};

	if (!pg_value(there,
		    "SELECT bool_or(NOT v.superuser OR v.trusted OR r.rolsuper)"
		    " FROM pg_available_extension_versions v, pg_roles r"
		    " WHERE v.name = $1 AND r.rolname = current_user",
		    params, &allowed, err))
		return false;
	if (str_is(allowed, "t"))
		return true;
	if (!allowed)
		return err_fail(err, ERR_REFUSED,
			"it does not have the extension '%s' of the site's database", name);
	return err_fail(err, ERR_REFUSED,
		"role '%s' may not make the extension '%s' of the site's database there",
		pg_user(there), name);
}

static bool has_extensions(Database *db, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *live = NULL;
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	PgSession *there;

	if (!pg_open_all(db->like, db->live, &live, err) || !pg_admin(db, &there, err) ||
		!pg_query(live,
			"SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
			NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++)
		if (!has_extension(there, pg_text(rows, i, 0), err))
			return false;
	return true;
}

/* By doing it: only the server knows whether it has that locale. */
static bool takes_a_database(Database *db, Err *err)
{
	AUTO(free_auto) char *name = pg_trial_name(db, getpid(), 'r');
	AUTO(free_auto) char *quoted = pg_ident(name);
	AUTO(err_clear) Err leftover = {0};
	PgSession *there;

	/* Also what an earlier process with this number left behind. */
	if (!pg_admin(db, &there, err) ||
		!pg_runf(there, err, "DROP DATABASE IF EXISTS %s", quoted))
		return false;
	if (!create(db, quoted, err)) {
		if (err->kind == ERR_DATABASE)
			err->kind = ERR_REFUSED;
		return err_wrap(err, "making a database like the site's");
	}
	if (!FAULT(&leftover, "pg-drop") || !pg_runf(there, &leftover, "DROP DATABASE %s", quoted))
		event_warn_err("scratch-database", &leftover);
	return true;
}

bool pg_fits(Database *db, Err *err)
{
	const DatabaseUrl *url = pg_admin_url(db);

	return (is_another(db, err) && is_new_enough(db, err) && has_extensions(db, err) &&
		       takes_a_database(db, err)) ||
	       err_wrap(err, "rehearsal_server '%s:%d'", url->host ? url->host : "localhost",
		       url->port);
}
