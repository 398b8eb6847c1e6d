#include "database/pg_freeze.h"

#include "base/fault.h"
#include "base/mem.h"

/* A dump does not say whose an extension is, and there is no ALTER for it: restored by a superuser
 * it would be the superuser's, and the site's own role could no longer drop or update it. So it is
 * made by its owner in the moment in which pg_restore gets there (its schema, which the dump makes,
 * is there by then); the CREATE EXTENSION IF NOT EXISTS of the dump then finds it. */

/* A new database has plpgsql already. */
#define OWNERS                                                                                     \
	"SELECT extname, nspname, rolname FROM pg_extension e"                                     \
	" JOIN pg_namespace n ON n.oid = extnamespace JOIN pg_roles r ON r.oid = extowner"         \
	" WHERE extowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)"               \
	" AND extname <> 'plpgsql' ORDER BY e.oid"

/* Whoever owns it need not be allowed to make it (a superuser once made it for him, the right was
 * taken away): then the dump's own statement does. A role that is given for one statement is that
 * of the next too, unless it is taken back; and what is made in here comes by here again. */
#define MAKER                                                                                      \
	"CREATE FUNCTION belay_restore.make() RETURNS event_trigger LANGUAGE plpgsql AS $make$ "   \
	"DECLARE e record; BEGIN"                                                                  \
	" IF current_setting('belay.makes', true) = 'yes' THEN RETURN; END IF;"                    \
	" PERFORM set_config('belay.makes', 'yes', true);"                                         \
	" FOR e IN SELECT * FROM belay_restore.extension x"                                        \
	" WHERE EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = x.space)"              \
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = x.name)"             \
	" ORDER BY x.n LOOP"                                                                       \
	"  BEGIN"                                                                                  \
	"   EXECUTE format('SET LOCAL ROLE %I', e.owner);"                                         \
	"   EXECUTE format('CREATE EXTENSION %I SCHEMA %I', e.name, e.space);"                     \
	"   RESET ROLE;"                                                                           \
	"  EXCEPTION WHEN OTHERS THEN RAISE WARNING 'extension %: %', e.name, SQLERRM;"            \
	"  END;"                                                                                   \
	" END LOOP;"                                                                               \
	" PERFORM set_config('belay.makes', 'no', true); "                                         \
	"END $make$"

static bool add_all(PgSession *spare, const PgRows *owners, Err *err)
{
	for (int i = 0; i < pg_rows(owners); i++) {
		AUTO(free_auto) char *name = pg_literal(pg_text(owners, i, 0));
		AUTO(free_auto) char *space = pg_literal(pg_text(owners, i, 1));
		AUTO(free_auto) char *owner = pg_literal(pg_text(owners, i, 2));

		if (!pg_runf(spare, err,
			    "INSERT INTO belay_restore.extension VALUES (%d, %s, %s, %s)", i, name,
			    space, owner))
			return false;
	}
	return true;
}

bool pg_extensions_expect(
	Database *db, PgSession *live, const char *place, bool *ret_expected, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *spare = NULL;
	AUTO(pg_rows_free_auto) PgRows *owners = NULL;
	const char *const databases[] = {place, NULL};
	bool superuser, expected;

	if (!pg_is_superuser(live, &superuser, err) || !pg_query(live, OWNERS, NULL, &owners, err))
		return false;
	/* For everyone else all that is restored becomes his own. */
	expected = superuser && pg_rows(owners) > 0;
	if (expected && (!FAULT(err, "pg-extensions") ||
				!pg_connect(pg_admin_url(db), databases, &spare, err) ||
				!pg_run(spare, "CREATE SCHEMA belay_restore", err) ||
				!pg_run(spare,
					"CREATE TABLE belay_restore.extension"
					" (n int, name name, space name, owner name)",
					err) ||
				!add_all(spare, owners, err) || !pg_run(spare, MAKER, err) ||
				!pg_run(spare,
					"CREATE EVENT TRIGGER belay_restore ON ddl_command_start"
					" WHEN TAG IN ('CREATE EXTENSION')"
					" EXECUTE FUNCTION belay_restore.make()",
					err)))
		return err_wrap(err, "preparing the extensions of database '%s'", place);
	*ret_expected = expected;
	return true;
}

bool pg_extensions_made(Database *db, const char *place, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *spare = NULL;
	const char *const databases[] = {place, NULL};

	return FAULT(err, "pg-extensions") &&
	       pg_connect(pg_admin_url(db), databases, &spare, err) &&
	       pg_run(spare, "DROP EVENT TRIGGER belay_restore", err) &&
	       pg_run(spare, "DROP SCHEMA belay_restore CASCADE", err);
}
