#include "checks/room.h"

#include "base/mem.h"
#include "base/text.h"
#include "database/elsewhere.h"
#include "os/file.h"
#include "os/tree.h"

#define RESERVE_BYTES  (256LL << 20) /* what must be left over on every file system */
#define RESERVE_INODES 20000 /* an environment has some 40,000 files, most hard-linked by uv */
/* What migrations make of a database when nobody has rehearsed them: a heavy one made 455 MB of a
 * SQLite file of 64 MB; the server compresses. */
#define SQLITE_GROWTH 7
#define SERVER_GROWTH 4

static const char *const use_names[ROOM_USES] = {
	[ROOM_RELEASE] = "release",
	[ROOM_BACKUP] = "backup",
	[ROOM_VECTORS] = "vectors",
	[ROOM_LOG] = "log",
	[ROOM_PROOF] = "proof",
	[ROOM_REHEARSAL] = "rehearsal",
	[ROOM_COPY] = "copy",
};

/* ---- gathering ---- */

static RoomPlace *find_place(Room *room, const RoomPlace *wanted)
{
	for (size_t i = 0; i < room->len; i++)
		if (wanted->path ? room->places[i].path &&
					   room->places[i].disk.device == wanted->disk.device
				 : !room->places[i].path &&
					   room->places[i].rehearses == wanted->rehearses)
			return &room->places[i];
	return NULL;
}

static bool add_to(Room *room, RoomPlace wanted, RoomUse use, int64_t bytes, Err *err)
{
	RoomPlace *place;

	if (wanted.path && !disk_free(wanted.path, &wanted.disk, err))
		return false;
	place = find_place(room, &wanted);
	if (!place && room->len == ROOM_PLACES_MAX)
		return err_fail(err, ERR_INTERNAL, "more than %d file systems", ROOM_PLACES_MAX);
	if (!place) {
		place = &room->places[room->len++];
		*place = wanted;
		place->path = str_dup(wanted.path);
	}
	place->bytes[use] += bytes;
	return true;
}

/* `path` NULL: the place that cannot be asked. */
static bool add(Room *room, const char *path, RoomUse use, int64_t bytes, Err *err)
{
	return add_to(room, (RoomPlace){.path = (char *)path}, use, bytes, err);
}

/* The server recycles its log at max_wal_size; archiving and slots that lag keep more. */
static int64_t log_kept(Database *db, int64_t written)
{
	int64_t limit;

	if (database_is_sqlite(db))
		return 0;
	limit = database_server_number(db, "SELECT pg_size_bytes(current_setting('max_wal_size'))");
	return limit >= 0 && limit < written ? limit : written;
}

static bool add_environment(const CheckCtx *ctx, Room *room, Err *err)
{
	const Release *current = ctx->current;
	TreeSize size;

	/* An image is on the engine's file system, and here before the upgrade. */
	if (site_in_container(ctx->site))
		return true;
	if (!tree_size(current->system ? current->site_packages : current->path, &size, err))
		return false;
	/* Two for a system's Python: one as it is, and the target. */
	return add(room, ctx->site->environment, ROOM_RELEASE,
		current->system ? size.bytes * 2 : size.bytes, err);
}

/* Without room for the unpacked dump the proof reads the stream: it is wanted, not needed. */
static bool add_proof(const CheckCtx *ctx, int64_t bytes, Room *room, Err *err)
{
	AUTO(free_auto) char *how = NULL;
	AUTO(err_clear) Err ignored = {0};
	bool from_file;
	DiskFree disk;

	if (!database_restore_way(database_rehearsal(ctx->db), &from_file, &how, &ignored))
		return true; /* the backup says why */
	room->restore_how = TAKE(how);
	if (!from_file || !disk_free(ctx->site->backup_dir, &disk, &ignored) ||
		disk.free_bytes < bytes + RESERVE_BYTES)
		return true;
	return add(room, ctx->site->backup_dir, ROOM_PROOF, bytes, err);
}

static int64_t migrated_bytes(const CheckCtx *ctx, int64_t bytes)
{
	if (!ctx->version)
		return bytes;
	if (ctx->growth_percent > 0)
		return bytes * ctx->growth_percent / 100;
	return bytes * (database_is_sqlite(ctx->db) ? SQLITE_GROWTH : SERVER_GROWTH);
}

/* Where it is the site's own server, its log is used again for the copy. */
static bool add_elsewhere(const CheckCtx *ctx, int64_t migrated, Room *room, Err *err)
{
	Database *there = database_rehearsal(ctx->db);
	AUTO(err_clear) Err away = {0}; /* a check of its own says so */
	AUTO(free_auto) char *folder = NULL;

	if (!database_folder(there, &folder, &away))
		err_clear(&away);
	const RoomPlace place = {.path = folder, .rehearses = true};

	return add_to(room, place, ROOM_REHEARSAL, migrated, err) &&
	       add_to(room, place, ROOM_LOG, log_kept(there, migrated), err);
}

static bool add_databases(const CheckCtx *ctx, int64_t bytes, Room *room, Err *err)
{
	const int64_t migrated = migrated_bytes(ctx, bytes);
	const bool elsewhere = database_is_elsewhere(database_rehearsal(ctx->db));
	const bool writes_log = ctx->version || !elsewhere;
	AUTO(free_auto) char *folder = NULL;

	return database_folder(ctx->db, &folder, err) && add_proof(ctx, bytes, room, err) &&
	       (elsewhere ? add_elsewhere(ctx, migrated, room, err)
			  : add(room, folder, ROOM_REHEARSAL, migrated, err)) &&
	       (!writes_log || add(room, folder, ROOM_LOG, log_kept(ctx->db, migrated), err)) &&
	       (!ctx->version || add(room, folder, ROOM_COPY, migrated, err));
}

bool room_estimate(const CheckCtx *ctx, Room *ret, Err *err)
{
	const Site *site = ctx->site;
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *vectors = site_vector_dir(site);
	AUTO(free_auto) char *uploads = path_join(site->webui.data_dir, "uploads");
	AUTO(room_clear) Room room = {0};
	TreeSize vector_size, upload_size;

	if (!database_about(ctx->db, &about, err) || !tree_size(vectors, &vector_size, err) ||
		!tree_size(uploads, &upload_size, err) ||
		!add(&room, site->backup_dir, ROOM_BACKUP,
			about.bytes + vector_size.bytes + upload_size.bytes, err) ||
		!add_databases(ctx, about.bytes, &room, err))
		return false;
	/* A dump of SQLite is a whole file before it is compressed. */
	if (database_is_sqlite(ctx->db) &&
		!add(&room, site->state_dir, ROOM_BACKUP, about.bytes, err))
		return false;
	if (ctx->version &&
		(!add_environment(ctx, &room, err) ||
			!add(&room, site->webui.data_dir, ROOM_VECTORS, vector_size.bytes, err)))
		return false;
	*ret = room;
	room = (Room){0};
	return true;
}

bool room_measured(
	const Site *site, Database *db, const RoomMeasured *measured, Room *ret, Err *err)
{
	AUTO(free_auto) char *vectors = site_vector_dir(site);
	AUTO(free_auto) char *folder = NULL;
	AUTO(room_clear) Room room = {0};
	TreeSize size;

	if (!tree_size(vectors, &size, err) || !database_folder(db, &folder, err) ||
		!add(&room, folder, ROOM_COPY, measured->database_bytes, err) ||
		!add(&room, folder, ROOM_LOG, log_kept(db, measured->log_bytes), err) ||
		!add(&room, site->webui.data_dir, ROOM_VECTORS, size.bytes, err))
		return false;
	*ret = room;
	room = (Room){0};
	return true;
}

/* ---- judging ---- */

int64_t room_peak(const RoomPlace *place)
{
	const int64_t *bytes = place->bytes;
	const int64_t tried = bytes[ROOM_PROOF] + bytes[ROOM_REHEARSAL];

	return bytes[ROOM_RELEASE] + bytes[ROOM_BACKUP] + bytes[ROOM_VECTORS] + bytes[ROOM_LOG] +
	       (tried > bytes[ROOM_COPY] ? tried : bytes[ROOM_COPY]);
}

static const char *size_text(int64_t bytes)
{
	return str_bytes((unsigned long long)(bytes > 0 ? bytes : 0));
}

static bool has_room(const RoomPlace *place, Err *why)
{
	const DiskFree *disk = &place->disk;
	const int64_t wanted = room_peak(place) + RESERVE_BYTES;

	if (disk->read_only)
		return err_fail(
			why, ERR_REFUSED, "the file system of '%s' is read-only", place->path);
	if (disk->free_bytes < wanted) {
		err_fail(why, ERR_REFUSED, "the file system of '%s' has %s free, and %s are needed",
			place->path, size_text(disk->free_bytes), size_text(wanted));
		return err_hint(why, "make room there: df -h '%s'", place->path);
	}
	if (disk->free_inodes >= 0 && disk->free_inodes < RESERVE_INODES) {
		err_fail(why, ERR_REFUSED, "the file system of '%s' has only %lld free inodes",
			place->path, (long long)disk->free_inodes);
		return err_hint(why, "df -i '%s'", place->path);
	}
	return true;
}

static void describe(const RoomPlace *place, Err *ret)
{
	if (place->path)
		err_fail(ret, ERR_REFUSED, "'%s': %s needed, %s free", place->path,
			size_text(room_peak(place)), size_text(place->disk.free_bytes));
	else if (place->rehearses)
		err_fail(ret, ERR_REFUSED,
			"the disk of the rehearsal server cannot be asked from here: %s needed there",
			size_text(room_peak(place)));
	else
		err_fail(ret, ERR_REFUSED,
			"the disk of the database server cannot be asked from here: %s needed there",
			size_text(room_peak(place)));
}

FindingKind room_judge(const Room *room, Err *why)
{
	AUTO(strlist_clear) StrList texts = {0};
	AUTO(strlist_clear) StrList locals = {0};
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *local = NULL;
	FindingKind kind = FINDING_OK;

	for (size_t i = 0; i < room->len; i++) {
		AUTO(err_clear) Err about = {0};

		if (room->places[i].path && !has_room(&room->places[i], why))
			return FINDING_REFUSED;
		if (!room->places[i].path)
			kind = FINDING_WARNING;
		describe(&room->places[i], &about);
		strlist_add(&texts, about.text);
		strlist_add(&locals, about.local ? about.local : about.text);
	}
	text = strlist_join(&texts, "; ");
	local = strlist_join(&locals, "; ");
	err_fail(why, ERR_REFUSED, "%s", text);
	str_replace(&why->local, local);
	return kind;
}

bool room_memory_judge(const RoomMeasured *measured, Err *err)
{
	/* The migrations run beside the server that serves; the next one starts when it has ended.
	 */
	const int64_t migrate_kb = measured->migrate_kb - measured->available_kb;
	const int64_t serve_kb = measured->serve_kb - measured->serves_now_kb -
				 measured->available_kb;
	const bool serving = serve_kb > migrate_kb;

	if (migrate_kb <= 0 && serve_kb <= 0)
		return true;
	if (serving)
		err_fail(err, ERR_REFUSED,
			"the release needs %s of memory to serve, and %s are available without the "
			"server of now",
			size_text(measured->serve_kb * 1024),
			size_text((measured->available_kb + measured->serves_now_kb) * 1024));
	else
		err_fail(err, ERR_REFUSED, "the migrations need %s of memory, and %s are available",
			size_text(measured->migrate_kb * 1024),
			size_text(measured->available_kb * 1024));
	return err_hint(err, "free -m; end what else needs memory, or add swap");
}

/* ---- showing ---- */

json_t *room_json(const Room *room)
{
	json_t *list = json_array();

	for (size_t i = 0; i < room->len; i++) {
		const RoomPlace *place = &room->places[i];
		json_t *one = json_object(), *uses = json_object();

		json_put(one, "path", place->path);
		if (place->rehearses)
			json_object_set_new(one, "rehearses", json_true());
		json_put_int(one, "bytes", room_peak(place));
		if (place->path)
			json_put_int(one, "free_bytes", place->disk.free_bytes);
		for (int use = 0; use < ROOM_USES; use++)
			if (place->bytes[use] > 0)
				json_put_int(uses, use_names[use], place->bytes[use]);
		json_object_set_new(one, "uses", uses);
		json_array_append_new(list, one);
	}
	return list;
}

void room_clear(Room *room)
{
	for (size_t i = 0; i < room->len; i++)
		free(room->places[i].path);
	free(room->restore_how);
	*room = (Room){0};
}
