#include "database/sqlite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"
#include "os/file.h"
#include "os/signals.h"

#define HEADER_BYTES 100 /* of the file; holds SQLite's change counter and schema cookie */

static const char *const companions[] = {"-wal", "-shm", "-journal"};

/* ---- removing, by id or by the mark ---- */

char *sqlite_partial(const char *spare)
{
	return str_format("%s.partial", spare);
}

static char *mark_path(const char *spare)
{
	return str_format("%s.made", spare);
}

static char *mark_text(const char *run, const char *id)
{
	return str_format("%s %s\n", run ? run : "-", id);
}

static bool remove_companions(const char *path, Err *err)
{
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO(free_auto) char *other = str_format("%s%s", path, companions[i]);

		if (!file_remove(other, err))
			return false;
	}
	return true;
}

static bool remove_with_companions(const char *path, Err *err)
{
	return remove_companions(path, err) && file_remove(path, err);
}

static bool marked_by(const char *spare, const char *run, const char *id, bool *ret, Err *err)
{
	AUTO(free_auto) char *path = mark_path(spare);
	AUTO(free_auto) char *there = NULL;
	AUTO(free_auto) char *wanted = mark_text(run, id);

	*ret = false;
	if (!run || file_kind(path) != FILE_REGULAR)
		return true;
	if (!file_read(path, 4096, &there, NULL, err))
		return false;
	*ret = str_is(there, wanted);
	return true;
}

/* A spare with its leftovers. The live file is told by id too: it may be reached by another name.
 */
bool sqlite_copy_drop(Database *db, const char *spare, const char *id, const char *run, Err *err)
{
	AUTO(free_auto) char *partial = sqlite_partial(spare);
	AUTO(free_auto) char *mark = mark_path(spare);
	AUTO(free_auto) char *there = NULL;
	AUTO(free_auto) char *live = NULL;
	bool ours;

	if (!path_id(spare, &there, err) || !path_id(db->live, &live, err))
		return false;
	if (there && (str_is(there, live) || str_is(spare, db->live)))
		return err_fail(err, ERR_INTERNAL, "'%s' is the live database", spare);
	if (there && !str_is(there, id)) {
		if (!marked_by(spare, run, there, &ours, err))
			return false;
		if (!ours)
			return err_fail(err, ERR_FOREIGN,
				"'%s' is not what this run made there; it stays", spare);
	}
	if (there && !sqlite_nobody_writes(spare, err))
		return false;
	return remove_with_companions(partial, err) && remove_with_companions(spare, err) &&
	       file_remove(mark, err) && file_remove_unfinished(mark, err);
}

bool sqlite_make_room(Database *db, const char *spare, const char *run, Err *err)
{
	if (!sqlite_copy_drop(db, spare, NULL, run, err))
		return err_wrap(err, "making room for the copy");
	return true;
}

/* ---- the copy and its proof ---- */

/* As the live file's; on an empty machine there is none and the application's user gets it. */
static bool take_owner(const Database *db, const char *path, Err *err)
{
	uid_t uid = db->site->recipe.uid;
	gid_t gid = db->site->recipe.gid;
	mode_t mode = 0600;
	struct stat live;

	if (stat(db->live, &live) == 0) {
		uid = live.st_uid;
		gid = live.st_gid;
		mode = live.st_mode & 07777;
	}
	if (geteuid() == 0 && !file_chown(path, uid, gid, err))
		return false;
	if (!FAULT(err, "chmod"))
		return false;
	return chmod(path, mode) == 0 || err_fail_sys(err, "'%s'", path);
}

/* The mark is written before the rename: whoever finds SPARE then knows whose it is. */
bool sqlite_adopt_partial(Database *db, const char *spare, const char *run, Err *err)
{
	AUTO(free_auto) char *partial = sqlite_partial(spare);
	AUTO(free_auto) char *mark = mark_path(spare);
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *text = NULL;

	if (!take_owner(db, partial, err) || !path_id(partial, &id, err))
		return false;
	text = mark_text(run, id ? id : "-");
	/* Whoever only reads a file with a write-ahead log makes an empty one and cannot remove it.
	 */
	if (!remove_companions(partial, err))
		return false;
	return file_write_text(mark, text, 0600, err) && file_rename(partial, spare, err);
}

static bool header_digest(const char *path, char ret_hex[SHA256_HEX_SIZE], Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char header[HEADER_BYTES] = "";

	if (fd < 0)
		return err_fail_sys(err, "'%s'", path);
	if (pread(fd, header, sizeof(header), 0) < 0)
		return err_fail_sys(err, "reading '%s'", path);
	sha256_of(header, sizeof(header), ret_hex);
	return true;
}

static int64_t in_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What changes with every write to the file: both times (a restore with preserved times cannot set
 * the second), the size, and SQLite's own change counter in the header. */
static bool take_proof(const char *path, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *proof = json_object();
	AUTO(free_auto) char *id = NULL;
	char header[SHA256_HEX_SIZE];
	struct stat about;

	if (!path_id(path, &id, err) || !header_digest(path, header, err))
		return false;
	if (stat(path, &about) != 0)
		return err_fail_sys(err, "'%s'", path);
	json_put(proof, "id", id);
	json_put_int(proof, "size", about.st_size);
	json_put_int(proof, "mtime_ns", in_ns(about.st_mtim));
	json_put_int(proof, "ctime_ns", in_ns(about.st_ctim));
	json_put(proof, "header_sha256", header);
	*ret = TAKE(proof);
	return true;
}

static bool pending_writes(const char *path)
{
	for (size_t i = 0; i < COUNT_OF(companions); i++) {
		AUTO(free_auto) char *other = str_format("%s%s", path, companions[i]);
		struct stat about;

		/* -shm is only an index of -wal. */
		if (!str_ends(other, "-shm") && stat(other, &about) == 0 && about.st_size > 0)
			return true;
	}
	return false;
}

static bool proof_holds(const char *path, const json_t *proof, Err *err)
{
	AUTO(json_release_auto) json_t *now = NULL;
	const char *key;
	json_t *value;

	if (!take_proof(path, &now, err))
		return false;
	if (pending_writes(path))
		return err_fail(err, ERR_FOREIGN, "'%s' was written to since it was copied", path);
	json_object_foreach(now, key,
		value) if (!json_equal(value, json_object_get(proof, key))) return err_fail(err,
		ERR_FOREIGN, "'%s' was written to since it was copied (%s differs)", path, key);
	return true;
}

static bool not_stopped(void *arg, int left, int total)
{
	(void)arg;
	(void)left;
	(void)total;
	return !signals_pending();
}

/* The proof is taken before the copy and holds after it, so the copy is of exactly that state. */
bool sqlite_copy_make(
	Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err)
{
	AUTO(free_auto) char *partial = sqlite_partial(spare);
	AUTO(json_release_auto) json_t *proof = NULL;
	json_t *counts = NULL;

	if (!sqlite_nobody_writes(db->live, err) || !sqlite_make_room(db, spare, run, err) ||
		!sql_checkpoint_away(db->live, err) || !take_proof(db->live, &proof, err))
		return false;
	if (!sql_backup(db->live, partial, not_stopped, NULL, err) ||
		!sqlite_counts(partial, &counts, err))
		return false;
	json_object_set_new(proof, "counts", counts);
	if (!proof_holds(db->live, proof, err) || !sqlite_adopt_partial(db, spare, run, err))
		return false;
	*ret_proof = TAKE(proof);
	return true;
}

/* ---- the exchange ---- */

static bool must_be(const char *path, const char *id, Err *err)
{
	AUTO(free_auto) char *there = NULL;

	if (!path_id(path, &there, err))
		return false;
	if (str_is(there, id))
		return true;
	return err_fail(err, ERR_FOREIGN, "'%s' is not the database that was there (%s, now %s)",
		path, id ? id : "nothing", there ? there : "nothing");
}

static bool sync_file(const char *path, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return (fd >= 0 && fsync(fd) == 0) || err_fail_sys(err, "'%s'", path);
}

/* No write-ahead log may stay: after the exchange it would be taken for the other file's. */
static bool settle(const char *path, Err *err)
{
	return sqlite_nobody_writes(path, err) && sql_checkpoint_away(path, err) &&
	       sync_file(path, err);
}

/* After it nobody but us may have touched the file: *ret is how it looked then. */
static bool first_look(Database *db, const json_t *proof, json_t **ret, Err *err)
{
	if (!json_str(proof, "freeze")) {
		sqlite_freeze_end(db);
		*ret = json_incref((json_t *)proof);
		return !proof || proof_holds(db->live, proof, err);
	}
	return sqlite_nobody_writes(db->live, err) && sqlite_frozen_proof(db, proof, err) &&
	       take_proof(db->live, ret, err);
}

bool sqlite_exchange(Database *db, const DatabaseExchange *exchange, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(db->live);
	AUTO(json_release_auto) json_t *proof = NULL;

	if (!must_be(db->live, exchange->live_id, err) ||
		!must_be(exchange->spare, exchange->spare_id, err))
		return false;
	/* Before, so that a foreign write is not folded in; after, because only then nobody is in.
	 */
	if (!first_look(db, exchange->proof, &proof, err))
		return false;
	if (!settle(db->live, err) || !settle(exchange->spare, err))
		return false;
	if (proof && !proof_holds(db->live, proof, err))
		return false;
	if (exchange->carry && !take_owner(db, exchange->spare, err))
		return false;
	return path_exchange(db->live, exchange->spare, err) && dir_sync(folder, err);
}
