#include "database/pg.h"
#include "database/pg_elsewhere.h"
#include "database/pg_freeze.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"

/* The comment is what makes a database ours to drop. One that was set aside by an exchange carries
 * another one ("…:kept"), so that no repetition of a copy can take the way back. */
char *pg_mark_of(const char *run)
{
	return str_format("belay:%s", run);
}

/* A crash between CREATE DATABASE and COMMENT leaves a copy without a mark; its name has the run's
 * time in it, and whatever an exchange put there has a comment. */
static bool is_ours(const Database *db, const PgEntry *entry, const char *run)
{
	AUTO(free_auto) char *mark = run ? pg_mark_of(run) : NULL;
	AUTO(free_auto) char *name = run ? database_spare_name(db, run) : NULL;
	AUTO(free_auto) char *scratch = run ? pg_scratch_name(db, run) : NULL;

	if (!run)
		return false;
	return entry->comment ? str_is(entry->comment, mark)
			      : str_is(entry->name, name) || str_is(entry->name, scratch);
}

static bool drop_by_name(Database *db, const PgEntry *entry, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(entry->name);
	AUTO(pg_entry_clear) PgEntry now = {0};
	PgSession *admin;

	if (str_is(entry->name, db->live))
		return err_fail(err, ERR_INTERNAL, "the live database is never dropped");
	if (!pg_door(db, entry->id, false, err) ||
		!pg_others_out(db, entry->id, 0, PG_EVERYBODY, err))
		return err_wrap(err, "emptying database '%s'", entry->name);
	/* DROP goes by name: look once more who bears it. */
	if (!pg_entry(db, entry->name, NULL, &now, err))
		return false;
	if (now.id && !str_is(now.id, entry->id))
		return err_fail(
			err, ERR_FOREIGN, "database '%s' is another one than before", entry->name);
	if (!pg_admin(db, &admin, err) || !FAULT(err, "pg-drop"))
		return false;
	pg_limit(admin, PG_LIMIT_LONG_MS);
	if (!pg_runf(admin, err, "DROP DATABASE IF EXISTS %s", name))
		return err_wrap(err, "dropping database '%s'", entry->name);
	pg_limit(admin, PG_LIMIT_MS);
	return true;
}

/* The server carries out what a belay that was killed had asked of it, while the next one is here
 * already: a database that has gone meanwhile is what was wanted, whatever failed on it. */
static bool drop(Database *db, const PgEntry *entry, Err *err)
{
	AUTO(pg_entry_clear) PgEntry now = {0};
	AUTO(err_clear) Err ignored = {0};

	if (drop_by_name(db, entry, err))
		return true;
	if (err->kind == ERR_FOREIGN || !pg_entry(db, NULL, entry->id, &now, &ignored) || now.id)
		return false;
	err_clear(err);
	return true;
}

bool pg_copy_drop(Database *db, const char *spare, const char *id, const char *run, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};

	if (!pg_entry(db, spare, NULL, &entry, err))
		return false;
	if (!entry.id)
		return true;
	if (!(id && str_is(entry.id, id)) && !is_ours(db, &entry, run)) {
		err_fail(err, ERR_FOREIGN, "database '%s' is not the one that was made by this run",
			spare);
		return err_hint(err, "if nobody needs it: DROP DATABASE \"%s\";", spare);
	}
	return drop(db, &entry, err);
}

bool pg_clear_spare(Database *db, const char *spare, const char *run, Err *err)
{
	return pg_copy_drop(db, spare, NULL, run, err);
}

/* -- making ----------------------------------------------------------------------------------- */

bool pg_locale_words(PgSession *admin, const char *live, Text *out, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	const char *const params[] = {live, NULL};

	if (!pg_query(admin,
		    pg_server_version(admin) >= 150000
			    ? "SELECT pg_encoding_to_char(encoding), datlocprovider::text, datcollate, datctype,"
			      " to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale'"
			      " FROM pg_database d WHERE datname = $1"
			    : "SELECT pg_encoding_to_char(encoding), 'c', datcollate, datctype, NULL, NULL"
			      " FROM pg_database WHERE datname = $1",
		    params, &rows, err))
		return false;
	if (pg_rows(rows) == 0)
		return true;
	AUTO(free_auto) char *encoding = pg_literal(pg_text(rows, 0, 0));
	AUTO(free_auto) char *collate = pg_literal(pg_text(rows, 0, 2));
	AUTO(free_auto) char *ctype = pg_literal(pg_text(rows, 0, 3));
	const char *own = pg_text(rows, 0, 4) ? pg_text(rows, 0, 4) : pg_text(rows, 0, 5);

	text_addf(out, " ENCODING %s LC_COLLATE %s LC_CTYPE %s", encoding, collate, ctype);
	const bool is_icu = str_is(pg_text(rows, 0, 1), "i");

	if (own && (is_icu || str_is(pg_text(rows, 0, 1), "b"))) {
		AUTO(free_auto) char *literal = pg_literal(own);

		text_addf(out, " LOCALE_PROVIDER %s %s %s", is_icu ? "icu" : "builtin",
			is_icu ? "ICU_LOCALE" : "BUILTIN_LOCALE", literal);
	}
	return true;
}

/* To name the default one takes a right that going without a word does not. */
static bool space_word(PgSession *admin, const char *live, Text *out, Err *err)
{
	AUTO(free_auto) char *name = NULL;
	const char *const params[] = {live, NULL};

	if (!pg_value(admin,
		    "SELECT spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace"
		    " WHERE datname = $1",
		    params, &name, err))
		return false;
	if (name && !str_is(name, "pg_default")) {
		AUTO(free_auto) char *space = pg_ident(name);

		text_addf(out, " TABLESPACE %s", space);
	}
	return true;
}

static bool create(Database *db, const char *spare, const PgEntry *live, bool from_live, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(spare);
	AUTO(free_auto) char *from = pg_ident(from_live ? live->name : "template0");
	AUTO(text_clear) Text words = TEXT_INIT(8192);
	PgSession *admin;

	if (!pg_admin(db, &admin, err))
		return false;
	if (live->owner) {
		AUTO(free_auto) char *owner = pg_ident(live->owner);

		text_addf(&words, " OWNER %s", owner);
	}
	if (!from_live && (!pg_locale_words(admin, db->live, &words, err) ||
				  !space_word(admin, db->live, &words, err)))
		return false;
	if (!FAULT(err, "pg-create"))
		return false;
	pg_limit(admin, PG_LIMIT_LONG_MS);
	if (!pg_runf(admin, err, "CREATE DATABASE %s TEMPLATE %s ALLOW_CONNECTIONS false%s", name,
		    from, words.data ? words.data : "")) {
		err_wrap(err, "making database '%s'", spare);
		if (str_is(pg_state(admin), "42501"))
			err_hint(
				err, "as a superuser: ALTER ROLE \"%s\" CREATEDB;", pg_user(admin));
		return false;
	}
	pg_limit(admin, PG_LIMIT_MS);
	return true;
}

static bool open_copy(PgSession *admin, const char *copy, Err *err)
{
	AUTO(free_auto) char *name = pg_ident(copy);

	return FAULT(err, "pg-open-copy") &&
	       pg_runf(admin, err, "ALTER DATABASE %s ALLOW_CONNECTIONS true", name);
}

/* Settings and grants are given before anybody can enter: a search_path of the database decides
 * where a migration puts its tables, and CREATE DATABASE lets PUBLIC in even where the original
 * does not. */
static bool dress(Database *db, const PgEntry *live, const PgEntry *copy, const char *run, Err *err)
{
	AUTO(free_auto) char *mark = pg_mark_of(run);
	PgSession *admin;

	return pg_admin(db, &admin, err) && FAULT(err, "pg-comment") &&
	       pg_comment_set(admin, copy->name, mark, err) &&
	       (!live->id || pg_properties_carry(admin, live->id, copy->id, err)) &&
	       open_copy(admin, copy->name, err);
}

bool pg_create_spare(Database *db, const char *spare, const char *run, bool from_live, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(pg_entry_clear) PgEntry copy = {0};

	if (db->like)
		return pg_create_elsewhere(db, spare, run, err);
	if (!pg_entry(db, db->live, NULL, &live, err))
		return false;
	if (!live.id && from_live)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	if (!create(db, spare, &live, from_live, err) || !pg_entry(db, spare, NULL, &copy, err))
		return false;
	if (!copy.id)
		return err_fail(err, ERR_FOREIGN, "database '%s' vanished", spare);
	return dress(db, &live, &copy, run, err);
}

bool pg_empty_and_record(Database *db, const char *id, json_t **ret_proof, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *guard = NULL;

	return pg_enter(db, id, true, &guard, err) &&
	       pg_others_out(db, id, pg_pid(guard), PG_AGREED, err) &&
	       pg_proof_take(db, guard, id, ret_proof, err);
}

bool pg_copy_make(Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err)
{
	AUTO(pg_entry_clear) PgEntry live = {0};
	AUTO(json_release_auto) json_t *proof = NULL;

	if (!pg_entry(db, db->live, NULL, &live, err))
		return false;
	if (!live.id)
		return err_fail(err, ERR_DATABASE, "there is no database '%s'", db->live);
	if (!pg_clear_spare(db, spare, run, err) ||
		!pg_empty_and_record(db, live.id, &proof, err) ||
		!pg_create_spare(db, spare, run, true, err))
		return err_wrap(err, "copying database '%s'", db->live);
	*ret_proof = TAKE(proof);
	return true;
}
