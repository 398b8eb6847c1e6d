#include "database/pg_rights.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

static bool create(Database *db, Err *err)
{
	const char *role = db->site->database.user;
	AUTO(free_auto) char *name = pg_ident(db->live);
	AUTO(free_auto) char *owner = pg_ident(role ? role : "postgres");
	PgSession *admin;

	if (!pg_admin(db, &admin, err) || !FAULT(err, "pg-create-live"))
		return false;
	pg_limit(admin, PG_LIMIT_LONG_MS);
	if (!pg_runf(admin, err, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'%s%s", name,
		    role ? " OWNER " : "", role ? owner : "")) {
		err_wrap(err, "making database '%s'", db->live);
		if (str_is(pg_state(admin), "42501"))
			err_hint(
				err, "as a superuser: ALTER ROLE \"%s\" CREATEDB;", pg_user(admin));
		return false;
	}
	pg_limit(admin, PG_LIMIT_MS);
	return true;
}

bool pg_make_live(Database *db, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};

	return pg_entry(db, db->live, NULL, &entry, err) && (entry.id || create(db, err));
}

bool pg_unmake_live(Database *db, const char *id, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(db->live);
	AUTO(free_auto) char *there = NULL;
	PgSession *admin;

	if (!pg_others_out(db, id, 0, PG_EVERYBODY, err) ||
		!database_id(db, db->live, &there, err) || !pg_admin(db, &admin, err))
		return false;
	if (there && !str_is(there, id))
		return err_fail(
			err, ERR_FOREIGN, "database '%s' is another one than before", db->live);
	/* A killed belay's may be on its way: see pg_copy.c. */
	return FAULT(err, "pg-drop-live") &&
	       pg_runf(admin, err, "DROP DATABASE IF EXISTS %s", name);
}
