#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"
#include "database/sqlite.h"
#include "os/disk.h"
#include "os/file.h"

#define BUSY_MS 5000

static bool sqlite_open(Database *db, Err *err)
{
	const char *name = db->site->database.name;

	if (str_empty(name) || name[0] != '/')
		return err_fail(
			err, ERR_CONFIG, "'%s' is not the path of a SQLite file", name ? name : "");
	/* A link stays where it is: the file behind it is what gets exchanged. */
	db->live = path_real(name);
	if (!db->live)
		db->live = str_dup(name);
	return true;
}

static void sqlite_close(Database *db)
{
	sqlite_freeze_end(db);
}

/* webui.db.belay-20261123134812 for the run 20261123-134812-upgrade. */
static char *sqlite_spare_name(const Database *db, const char *run)
{
	AUTO(text_clear) Text digits = TEXT_INIT(64);

	for (const char *at = run; *at && digits.len < 14; at++)
		if (isdigit((unsigned char)*at))
			text_add_bytes(&digits, at, 1);
	return str_format("%s.belay-%s", db->live, digits.len == 14 ? digits.data : run);
}

static char *sqlite_url_of(const Database *db, const char *place)
{
	return database_url_with_name(&db->site->database, place);
}

static bool ask(const char *place, const char *query, char **ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;

	return sql_open(place, SQL_READ, BUSY_MS, &sql, err) &&
	       sql_value(sql, query, NULL, ret, err);
}

static bool sqlite_ask(Database *db, const char *place, const char *query, char **ret, Err *err)
{
	(void)db;
	return ask(place, query, ret, err);
}

static int64_t bytes_of(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0 ? about.st_size : 0;
}

static bool sqlite_about(Database *db, DatabaseAbout *ret, Err *err)
{
	AUTO(free_auto) char *version = NULL;
	AUTO(free_auto) char *encoding = NULL;
	AUTO(free_auto) char *wal = str_format("%s-wal", db->live);

	if (!ask(db->live, "SELECT sqlite_version()", &version, err) ||
		!ask(db->live, "PRAGMA encoding", &encoding, err))
		return false;
	*ret = (DatabaseAbout){
		.server = str_format("SQLite %s", version),
		.name = str_dup(db->live),
		.server_id = str_dup(""),
		.encoding = TAKE(encoding),
		.bytes = bytes_of(db->live) + bytes_of(wal),
	};
	return true;
}

static bool sqlite_id(Database *db, const char *place, char **ret, Err *err)
{
	(void)db;
	return path_id(place, ret, err);
}

static bool add_revision(void *arg, const SqlRow *row, Err *err)
{
	const char *revision = sql_text(row, 0);

	(void)err;
	if (revision)
		strlist_add(arg, revision);
	return true;
}

static bool sqlite_revision(Database *db, const char *place, StrList *ret, Err *err)
{
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(free_auto) char *there = NULL;

	(void)db;
	if (!sql_open(place, SQL_READ, BUSY_MS, &sql, err) ||
		!sql_value(sql, "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'", NULL,
			&there, err))
		return false;
	return !there || sql_rows(sql, "SELECT version_num FROM alembic_version ORDER BY 1", NULL,
				 add_revision, ret, err);
}

static bool sqlite_glance(Database *db, DatabaseAbout *ret, StrList *ret_revisions, Err *err)
{
	return sqlite_about(db, ret, err) && sqlite_revision(db, db->live, ret_revisions, err);
}

static bool sqlite_counts_of(Database *db, const char *place, json_t **ret, Err *err)
{
	(void)db;
	return sqlite_counts(place, ret, err);
}

static bool sqlite_digests_of(Database *db, const char *place, json_t **ret, Err *err)
{
	(void)db;
	return sqlite_digests(place, ret, err);
}

static bool sqlite_shape(Database *db, const char *place, json_t **ret, Err *err)
{
	(void)db;
	return sqlite_shape_of(place, ret, err);
}

static bool sqlite_sessions(Database *db, StrList *ret, Err *err)
{
	return sqlite_users(db->live, false, ret, err);
}

static bool sqlite_try_rights(Database *db, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(db->live);

	if (access(db->live, R_OK | W_OK) != 0) {
		err_fail_sys(err, "'%s' cannot be read and written", db->live);
		err->kind = ERR_REFUSED;
		return err_hint(err, "run belay as the application's user or as root");
	}
	return path_exchange_works(folder, err) || err_wrap(err, "exchanging database files");
}

static bool sqlite_obstacles(Database *db, Err *ret, Err *err)
{
	DiskFree disk = {0};

	if (!file_exists(db->live)) {
		err_also(ret, ERR_REFUSED, "there is no database at '%s'", db->live);
		return true;
	}
	if (!disk_free(db->live, &disk, err))
		return false;
	/* Locks and the shared memory of the write-ahead log do not work between machines, so
	 * nobody can say that no other machine writes. */
	if (disk.network)
		err_also(ret, ERR_REFUSED, "'%s' lies on a network file system", db->live);
	if (disk.read_only)
		err_also(ret, ERR_REFUSED, "'%s' lies on a file system that is mounted read-only",
			db->live);
	return true;
}

/* A file has no door. */
static bool sqlite_door(Database *db, const char *id, bool open, Err *err)
{
	(void)db;
	(void)id;
	(void)open;
	(void)err;
	return true;
}

static bool sqlite_door_is_open(Database *db, const char *id, bool *ret, Err *err)
{
	(void)db;
	(void)id;
	(void)err;
	*ret = true;
	return true;
}

static bool sqlite_mark(Database *db, const char *place, json_t **ret_marks, Err *err)
{
	(void)db;
	return sqlite_digests(place, ret_marks, err);
}

static bool sqlite_written_since(
	Database *db, const char *place, const json_t *marks, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *now = NULL;

	(void)db;
	if (!sqlite_digests(place, &now, err))
		return false;
	*ret = sqlite_differences(marks, now);
	return true;
}

const DatabaseOps sqlite_database_ops = {
	.is_sqlite = true,
	.open = sqlite_open,
	.close = sqlite_close,
	.spare_name = sqlite_spare_name,
	.url_of = sqlite_url_of,
	.about = sqlite_about,
	.id = sqlite_id,
	.glance = sqlite_glance,
	.revision = sqlite_revision,
	.counts = sqlite_counts_of,
	.digests = sqlite_digests_of,
	.ask = sqlite_ask,
	.sessions = sqlite_sessions,
	.try_rights = sqlite_try_rights,
	.obstacles = sqlite_obstacles,
	.door = sqlite_door,
	.door_is_open = sqlite_door_is_open,
	.copy_make = sqlite_copy_make,
	.copy_drop = sqlite_copy_drop,
	.exchange = sqlite_exchange,
	.freeze = sqlite_freeze,
	.thaw = sqlite_thaw,
	.is_frozen = sqlite_is_frozen,
	.can_freeze = sqlite_can_freeze,
	.copy_frozen = sqlite_copy_frozen,
	.mark = sqlite_mark,
	.written_since = sqlite_written_since,
	.export_since = sqlite_export_since,
	.shape = sqlite_shape,
	.dump = sqlite_dump,
	.restore = sqlite_restore,
	.scratch_name = sqlite_scratch_name,
	.restore_way = sqlite_restore_way,
	.restore_file = sqlite_restore_file,
	.scratch_sweep = sqlite_scratch_sweep,
	.make_live = sqlite_make_live,
	.unmake_live = sqlite_unmake_live,
	.kept_drop = sqlite_kept_drop,
};
