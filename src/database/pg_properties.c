#include "database/pg.h"
#include "database/pg_elsewhere.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

enum { MAX_VALUE = 1 << 16 };

/* -- grants ----------------------------------------------------------------------------------- */

#define GRANTS_OF                                                                                      \
	"SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END," \
	" a.privilege_type, a.is_grantable,"                                                           \
	" CASE WHEN a.grantor <> d.datdba THEN quote_ident(pg_get_userbyid(a.grantor)) END"            \
	" FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"             \
	" WHERE d.oid::text = $1 ORDER BY a.grantor <> d.datdba, 1, 2, 3"

static bool said_warning(PgSession *admin, Err *err)
{
	AUTO(free_auto) char *warning = pg_warning(admin);

	/* A GRANT that has no effect is only a warning; a database with fewer rights is not a copy.
	 */
	return warning && !err_fail(err, ERR_DATABASE, "PostgreSQL warned: %s", warning);
}

static bool revoke_all(PgSession *admin, const char *to, const char *name, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {to, NULL};

	if (!pg_query(admin, GRANTS_OF, params, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		if (!pg_runf(admin, err, "REVOKE ALL ON DATABASE %s FROM %s", name,
			    pg_text(rows, i, 0)))
			return false;
	}
	return true;
}

/* As the one who gave it: the owner's first, then what others gave on. */
static bool grant(PgSession *admin, const PgRows *rows, int row, const char *name, Err *err)
{
	const char *grantor = pg_text(rows, row, 3);

	return (!grantor || pg_runf(admin, err, "SET ROLE %s", grantor)) &&
	       pg_runf(admin, err, "GRANT %s ON DATABASE %s TO %s%s", pg_text(rows, row, 1), name,
		       pg_text(rows, row, 0), pg_bool(rows, row, 2) ? " WITH GRANT OPTION" : "") &&
	       (!grantor || pg_run(admin, "RESET ROLE", err));
}

static bool carry_grants(
	PgSession *admin, const char *from, const char *to, const char *name, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(free_auto) char *same = NULL;
	const char *const both[] = {from, to, NULL};
	const char *const params[] = {from, NULL};

	if (!pg_value(admin,
		    "SELECT (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(a.datacl) x)"
		    " IS NOT DISTINCT FROM (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(b.datacl) x)"
		    " FROM pg_database a, pg_database b WHERE a.oid::text = $1 AND b.oid::text = $2",
		    both, &same, err))
		return false;
	if (str_is(same, "t"))
		return true;
	free(pg_warning(admin));
	if (!pg_query(admin, GRANTS_OF, params, &rows, err) || !revoke_all(admin, to, name, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		if (!grant(admin, rows, i, name, err))
			return false;
	}
	return !said_warning(admin, err);
}

/* -- settings --------------------------------------------------------------------------------- */

/* Settings that hold a list keep it as quoted identifiers; as one literal it would be one element.
 */
static bool is_list(const char *setting)
{
	static const char *const lists[] = {"search_path", "temp_tablespaces",
		"session_preload_libraries", "shared_preload_libraries", "local_preload_libraries",
		"unix_socket_directories"};

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		if (strcasecmp(setting, lists[i]) == 0)
			return true;
	}
	return false;
}

/* One element of such a list; returns what follows its comma, NULL at the end. */
static const char *list_element(const char *at, Text *ret)
{
	at += strspn(at, " ");
	if (*at != '"') {
		const size_t len = strcspn(at, ",");

		text_add_bytes(ret, at, len);
		at += len;
	} else {
		for (at++; *at && !(at[0] == '"' && at[1] != '"'); at++) {
			if (*at == '"')
				at++;
			text_add_bytes(ret, at, 1);
		}
		if (*at)
			at++;
		at += strspn(at, " ");
	}
	return *at == ',' ? at + 1 : NULL;
}

char *pg_setting_value(const char *setting, const char *value)
{
	AUTO(text_clear) Text out = TEXT_INIT(MAX_VALUE);

	if (!is_list(setting))
		return pg_literal(value);
	for (const char *at = value; at;) {
		AUTO(text_clear) Text element = TEXT_INIT(MAX_VALUE);
		AUTO(free_auto) char *literal = NULL;

		at = list_element(at, &element);
		literal = pg_literal(element.data ? element.data : "");
		text_addf(&out, "%s%s", out.len ? ", " : "", literal);
	}
	return text_take(&out);
}

static char *who_alters(const char *role, const char *name)
{
	if (!role)
		return str_format("ALTER DATABASE %s", name);
	return str_format("ALTER ROLE %s IN DATABASE %s", role, name);
}

#define SETTINGS_OF                                                                                \
	"SELECT CASE s.setrole WHEN 0 THEN NULL ELSE quote_ident(pg_get_userbyid(s.setrole)) END," \
	" c FROM pg_db_role_setting s, unnest(s.setconfig) WITH ORDINALITY AS u (c, place)"        \
	" WHERE s.setdatabase::text = $1 AND c !~ '^default_transaction_read_only='"               \
	" ORDER BY s.setrole, place"

static bool reset_settings(PgSession *admin, const char *to, const char *name, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {to, NULL};

	if (!pg_query(admin,
		    "SELECT CASE setrole WHEN 0 THEN NULL ELSE quote_ident(pg_get_userbyid(setrole)) END"
		    " FROM pg_db_role_setting WHERE setdatabase::text = $1",
		    params, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		AUTO(free_auto) char *who = who_alters(pg_text(rows, i, 0), name);

		if (!pg_runf(admin, err, "%s RESET ALL", who))
			return false;
	}
	return true;
}

static bool carry_settings(
	PgSession *admin, const char *from, const char *to, const char *name, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {from, NULL};

	if (!reset_settings(admin, to, name, err) ||
		!pg_query(admin, SETTINGS_OF, params, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++) {
		const char *config = pg_text(rows, i, 1);
		const char *equals = strchr(config, '=');

		if (!equals)
			continue;
		AUTO(free_auto) char *who = who_alters(pg_text(rows, i, 0), name);
		AUTO(free_auto) char *setting = str_dup_n(config, (size_t)(equals - config));
		AUTO(free_auto) char *quoted = pg_ident(setting);
		AUTO(free_auto) char *value = pg_setting_value(setting, equals + 1);

		if (!pg_runf(admin, err, "%s SET %s TO %s", who, quoted, value))
			return err_wrap(err, "setting '%s'", setting);
	}
	return true;
}

/* -- the whole -------------------------------------------------------------------------------- */

bool pg_properties_carry(PgSession *admin, const char *from, const char *to, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(free_auto) char *name = NULL;
	const char *const params[] = {from, to, NULL};

	if (!pg_query(admin,
		    "SELECT b.datname, a.datconnlimit, b.datconnlimit FROM pg_database a, pg_database b"
		    " WHERE a.oid::text = $1 AND b.oid::text = $2",
		    params, &rows, err))
		return false;
	if (pg_rows(rows) != 1)
		return err_fail(
			err, ERR_FOREIGN, "a database vanished while its properties were copied");
	name = pg_ident(pg_text(rows, 0, 0));
	if (!carry_grants(admin, from, to, name, err))
		return err_wrap(err, "copying the grants of the database");
	if (!carry_settings(admin, from, to, name, err))
		return err_wrap(err, "copying the settings of the database");
	if (pg_int(rows, 0, 1) == pg_int(rows, 0, 2))
		return true;
	if (!pg_runf(admin, err, "ALTER DATABASE %s CONNECTION LIMIT %lld", name,
		    (long long)pg_int(rows, 0, 1)))
		return err_wrap(err, "copying the connection limit of the database");
	return true;
}

bool pg_comment_set(PgSession *admin, const char *name, const char *comment, Err *err)
{
	AUTO(free_auto) char *quoted = pg_ident(name);
	AUTO(free_auto) char *literal = pg_literal(comment);

	return pg_runf(admin, err, "COMMENT ON DATABASE %s IS %s", quoted, literal);
}
