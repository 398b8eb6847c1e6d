#include "database/pg.h"
#include "database/pg_elsewhere.h"
#include "database/pg_freeze.h"
#include "database/pg_rights.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static bool open_backend(Database *db, Err *err)
{
	PgBackend *backend = NEW(PgBackend);

	db->backend = backend;
	if (str_empty(db->site->database.name))
		return err_fail(err, ERR_CONFIG, "the database URL names no database");
	db->live = str_dup(db->site->database.name);
	if (str_empty(db->site->admin_url))
		return true;
	if (!database_url_parse(
		    db->site->admin_url, db->site->start_directory, &backend->admin_url, err))
		return err_wrap(err, "admin_url");
	backend->has_admin_url = true;
	if (backend->admin_url.kind != DATABASE_POSTGRES)
		return err_fail(err, ERR_CONFIG, "admin_url is not the URL of a PostgreSQL server");
	return true;
}

static void close_backend(Database *db)
{
	PgBackend *backend = db->backend;

	if (!backend)
		return;
	pg_disconnect(backend->admin);
	database_url_clear(&backend->admin_url);
	free(backend->server_id);
	free(backend);
}

/* NAME_belay_20261123134812: the time of the run, from its id. A long name is cut between
 * characters, because PostgreSQL would cut the end off silently. */
static char *spare_name(const Database *db, const char *run)
{
	AUTO(text_clear) Text digits = TEXT_INIT(15);

	for (const char *at = run; *at && digits.len < 14; at++) {
		if (*at >= '0' && *at <= '9')
			text_add_bytes(&digits, at, 1);
	}
	AUTO(free_auto) char *tail = str_format("_belay_%s", digits.data ? digits.data : "");

	return str_with_tail(db->live, tail, DATABASE_NAME_MAX);
}

static char *url_of(const Database *db, const char *place)
{
	return database_url_with_name(&db->site->database, place);
}

/* Values only: it stands on screens of every language. */
static char *server_text(const Database *db, const char *version)
{
	const DatabaseUrl *url = &db->site->database;
	const char *container = db->site->container;
	const bool has_container = !str_empty(container);

	return str_format("PostgreSQL %s, %s:%d%s%s%s", version,
		url->host ? url->host : "localhost", url->port, has_container ? " (Docker: " : "",
		has_container ? container : "", has_container ? ")" : "");
}

static bool about(Database *db, DatabaseAbout *ret, Err *err)
{
	const DatabaseUrl *url = &db->site->database;
	const char *const params[] = {db->live, NULL};
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(free_auto) char *version = NULL;
	const char *server_id;
	PgSession *admin;

	if (!pg_server_id(db, &server_id, err) || !pg_admin(db, &admin, err) ||
		!pg_value(admin, "SELECT split_part(current_setting('server_version'), ' ', 1)",
			NULL, &version, err) ||
		!pg_query(admin,
			"SELECT pg_encoding_to_char(encoding), pg_database_size(oid)"
			" FROM pg_database WHERE datname = $1",
			params, &rows, err))
		return err_wrap(err, "asking the PostgreSQL server about itself");
	if (pg_rows(rows) == 0) {
		err_fail(err, ERR_DATABASE, "there is no database '%s' on server %s:%d", db->live,
			url->host ? url->host : "localhost", url->port);
		return err_hint(err, "see which there are: psql -h %s -p %d -U %s -l",
			url->host ? url->host : "localhost", url->port,
			url->user ? url->user : "postgres");
	}
	*ret = (DatabaseAbout){
		.server = server_text(db, version),
		.name = str_dup(db->live),
		.server_id = str_dup(server_id),
		.encoding = str_dup(pg_text(rows, 0, 0)),
		.bytes = pg_int(rows, 0, 1),
		.version_num = pg_server_version(admin),
	};
	return true;
}

/* One session, of the application's role: each costs both sides several thousand hashes. */
static bool glance(Database *db, DatabaseAbout *ret, StrList *ret_revisions, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_open(db, db->live, &session, err) ||
		!pg_query(session,
			"SELECT split_part(current_setting('server_version'), ' ', 1),"
			" pg_database_size(current_database())",
			NULL, &rows, err) ||
		!pg_revision(session, ret_revisions, err))
		return err_wrap(err, "asking the PostgreSQL server about itself");
	*ret = (DatabaseAbout){
		.server = server_text(db, pg_text(rows, 0, 0)),
		.name = str_dup(db->live),
		.bytes = pg_int(rows, 0, 1),
		.version_num = pg_server_version(session),
	};
	return true;
}

static bool id(Database *db, const char *place, char **ret, Err *err)
{
	AUTO(pg_entry_clear) PgEntry entry = {0};

	if (!pg_entry(db, place, NULL, &entry, err))
		return false;
	*ret = TAKE(entry.id);
	return true;
}

static bool ask(Database *db, const char *place, const char *query, char **ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	/* Questions name tables as Open WebUI does: with the role's own search_path. */
	return pg_open(db, place, &session, err) && pg_run(session, "RESET search_path", err) &&
	       pg_run(session, "SET default_transaction_read_only=on", err) &&
	       pg_value(session, query, NULL, ret, err);
}

static bool revision(Database *db, const char *place, StrList *ret, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	return (pg_open(db, place, &session, err) && pg_revision(session, ret, err)) ||
	       err_wrap(err, "asking for the revision of '%s'", place);
}

static int64_t server_number(Database *db, const char *query)
{
	AUTO(free_auto) char *number = NULL;
	AUTO(err_clear) Err ignored = {0};
	PgSession *admin;

	if (!pg_admin(db, &admin, &ignored) || !pg_value(admin, query, NULL, &number, &ignored) ||
		!number)
		return -1;
	return strtoll(number, NULL, 10);
}

static bool server(Database *db, char **ret, Err *err)
{
	AUTO(free_auto) char *version = NULL;
	PgSession *admin;

	if (!pg_admin(db, &admin, err) ||
		!pg_value(admin, "SELECT split_part(current_setting('server_version'), ' ', 1)",
			NULL, &version, err))
		return err_wrap(err, "asking the PostgreSQL server about itself");
	*ret = server_text(db, version);
	return true;
}

const DatabaseOps pg_database_ops = {
	.is_sqlite = false,
	.open = open_backend,
	.close = close_backend,
	.spare_name = spare_name,
	.url_of = url_of,
	.about = about,
	.id = id,
	.glance = glance,
	.revision = revision,
	.counts = pg_counts,
	.digests = pg_digests,
	.ask = ask,
	.folder = pg_folder,
	.server = server,
	.fits = pg_fits,
	.server_number = server_number,
	.sessions = pg_sessions,
	.replication = pg_replication,
	.orphans = pg_orphans,
	.try_rights = pg_try_rights,
	.obstacles = pg_obstacles,
	.door = pg_door,
	.door_is_open = pg_door_is_open,
	.copy_make = pg_copy_make,
	.copy_drop = pg_copy_drop,
	.exchange = pg_exchange,
	.freeze = pg_freeze,
	.thaw = pg_thaw,
	.is_frozen = pg_is_frozen,
	.can_freeze = pg_can_freeze,
	.copy_frozen = pg_copy_frozen,
	.mark = pg_mark,
	.written_since = pg_written_since,
	.export_since = pg_export_since,
	.shape = pg_shape,
	.dump = pg_dump,
	.restore = pg_restore,
	.scratch_name = pg_scratch_name,
	.restore_way = pg_restore_way,
	.restore_file = pg_restore_file,
	.scratch_sweep = pg_scratch_sweep,
	.make_live = pg_make_live,
	.unmake_live = pg_unmake_live,
	.kept_drop = pg_kept_drop,
};
