#include "backup/prove.h"

#include <fcntl.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "backup/proof_record.h"
#include "backup/prove_compare.h"
#include "backup/set_dump.h"
#include "backup/set_file.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/elsewhere.h"
#include "os/background.h"
#include "os/copy.h"
#include "os/file.h"
#include "os/pace.h"
#include "os/signals.h"

#define STEP             "prove-backup"
#define CHUNK_BYTES      (1024 * 1024)
#define PROGRESS_EACH_MS 500
#define FINDINGS_MAX     50
#define UNPACKED_START   ".belay-proof-"
#define UNPACKED_END     ".unpacked"

typedef struct Proof {
	BackupSet *set;
	const Site *site;
	Database *db; /* where the scratch database is made */
	const char *run;
	bool keep_scratch;
	ProofReport *report;
	char *scratch, *unpacked;
	int64_t done, total, said_ms;
	const char *doing; /* N_() */
	DumpReader *reader;
	Pace pace;
} Proof;

static void proof_clear(Proof *proof)
{
	free(proof->scratch);
	free(proof->unpacked);
	dump_reader_free(proof->reader);
}

#define FOUND(proof, slug, ...)                                                                    \
	do {                                                                                       \
		Err why = {0};                                                                     \
		err_fail(&why, ERR_VERIFY, __VA_ARGS__);                                           \
		proof_found((proof)->report, (slug), &why);                                        \
	} while (0)

static bool fine(const Proof *proof)
{
	return proof->report->findings.len == 0;
}

static void say(Proof *proof, int64_t more)
{
	const int64_t now = clock_mono_ms();

	proof->done += more;
	if (now - proof->said_ms < PROGRESS_EACH_MS)
		return;
	proof->said_ms = now;
	event_progress(STEP, proof->done, proof->total, "%s", _(proof->doing));
}

static void begin(Proof *proof, const char *doing, int64_t total)
{
	proof->doing = doing;
	proof->done = 0;
	proof->total = total;
	proof->said_ms = 0;
	say(proof, 0);
}

/* ---- whose set it is ---- */

/* Every file of a set of last year agrees with its manifest; only the name tells that it lies in
 * the place of another one. */
static void check_identity(Proof *proof)
{
	const BackupSet *set = proof->set;
	const char *name = json_str(set->manifest, "name");
	const char *kind = json_str(json_object_get(set->manifest, "database"), "kind");

	if (set->foreign)
		FOUND(proof, "foreign-site", "backup set '%s' is of another site, '%s'", set->name,
			json_str(set->manifest, "site"));
	if (!str_is(name, set->name))
		FOUND(proof, "renamed",
			"backup set '%s' was made as '%s' and is not the one its "
			"name says",
			set->name, name ? name : "");
	if (database_is_sqlite(proof->db) != str_is(kind, "sqlite"))
		FOUND(proof, "other-kind",
			"backup set '%s' holds a %s database, and the site uses another kind",
			set->name, kind);
}

/* ---- files ---- */

static bool check_files(Proof *proof, Err *err)
{
	const json_t *file;
	size_t i;

	begin(proof, N_("reading the files of the backup set again"), proof->set->bytes);
	json_array_foreach(json_object_get(proof->set->manifest, "files"), i, file)
	{
		Err why = {0};
		const char *slug;

		if (!pace_pass(&proof->pace, json_int(file, "bytes", 0), err))
			return false;
		if (!set_file_check(proof->set, file, &slug, &why)) {
			if (proof->report->slugs.len < FINDINGS_MAX)
				proof_found(proof->report, slug, &why);
			err_clear(&why);
		}
		say(proof, json_int(file, "bytes", 0));
	}
	return true;
}

/* ---- the database ---- */

static bool next_bytes(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	Proof *proof = arg;

	if (!dump_reader_next(proof->reader, bytes, max, ret_len, err))
		return false;
	say(proof, (int64_t)*ret_len);
	return pace_pass(&proof->pace, (int64_t)*ret_len, err);
}

static bool unpack_into(Proof *proof, int fd, Err *err)
{
	AUTO(free_auto) char *chunk = mem_new(1, CHUNK_BYTES);
	size_t len;

	do {
		if (!copy_may_go_on(err) || !next_bytes(proof, chunk, CHUNK_BYTES, &len, err))
			return false;
		if (!write_all(fd, chunk, len))
			return err_fail_sys(err, "cannot write '%s'", proof->unpacked);
	} while (len > 0);
	return true;
}

static bool unpack(Proof *proof, Err *err)
{
	AUTO(close_auto) int fd = -1;

	begin(proof, N_("unpacking the dump"), proof->total);
	if (!file_remove(proof->unpacked, err) || !FAULT(err, "proof-unpack"))
		return false;
	fd = open(proof->unpacked, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_fail_sys(err, "cannot make '%s'", proof->unpacked);
	return set_dump_open(proof->set, NULL, &proof->reader, err) && unpack_into(proof, fd, err);
}

static bool restore_stream(Proof *proof, Err *err)
{
	AUTO(free_auto)
	char *folder = database_is_sqlite(proof->db) ? path_folder(proof->scratch) : NULL;

	begin(proof, N_("restoring the dump into a scratch database"), proof->total);
	return set_dump_open(proof->set, folder, &proof->reader, err) &&
	       database_restore(proof->db, proof->scratch, proof->run, next_bytes, proof, err);
}

static bool restore_from_file(Proof *proof, const char *path, Err *err)
{
	begin(proof, N_("restoring the dump into a scratch database"), 0);
	return database_restore_file(
		proof->db, proof->scratch, proof->run, path, proof->keep_scratch, err);
}

/* Several workers need a file that they can seek in. Without room for it, one reads the stream. */
static bool restore_set(Proof *proof, bool from_file, Err *err)
{
	AUTO(err_clear) Err ignored = {0};
	bool done;

	proof->total = set_dump_bytes(proof->set);
	if (!from_file || !set_dump_fits(proof->set, proof->site->backup_dir))
		return restore_stream(proof, err);
	done = unpack(proof, err) && restore_from_file(proof, proof->unpacked, err);
	if (!file_remove(proof->unpacked, &ignored))
		event_warn_err("leftover", &ignored);
	return done;
}

typedef struct Plain {
	Proof *proof;
	int fd;
} Plain;

static bool next_plain(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	const Plain *plain = arg;
	const ssize_t got = read(plain->fd, bytes, max);

	if (got < 0)
		return err_fail_sys(err, "cannot read '%s'", plain->proof->set->path);
	*ret_len = (size_t)got;
	say(plain->proof, got);
	return true;
}

static bool restore_dump(Proof *proof, bool from_file, Err *err)
{
	const char *path = proof->set->path;
	AUTO(close_auto) int fd = -1;

	if (from_file)
		return restore_from_file(proof, path, err);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_fail_sys(err, "cannot read '%s'", path);
	Plain plain = {.proof = proof, .fd = fd};

	begin(proof, N_("restoring the dump into a scratch database"), proof->set->bytes);
	return database_restore(proof->db, proof->scratch, proof->run, next_plain, &plain, err);
}

/* Does the database of this dump belong to an Open WebUI? There are no figures to compare with. */
static bool look_at_dump(Proof *proof, Err *err)
{
	AUTO(json_release_auto) json_t *tables = NULL;
	AUTO(strlist_clear) StrList revision = {0};

	if (!database_counts(proof->db, proof->scratch, &tables, err) ||
		!database_revision(proof->db, proof->scratch, &revision, err))
		return false;
	if (revision.len != 1 || !json_object_get(tables, "user") ||
		!json_object_get(tables, "chat"))
		FOUND(proof, "not-open-webui",
			"'%s' can be restored but is not a database of Open WebUI",
			proof->set->name);
	else
		str_replace(&proof->set->revision, revision.items[0]);
	return true;
}

static bool look(Proof *proof, Err *err)
{
	begin(proof, N_("comparing the restored database"), 0);
	if (!proof->set->manifest)
		return look_at_dump(proof, err);
	return proof_compare(proof->db, proof->scratch,
		json_object_get(proof->set->manifest, "database"), proof->report, err);
}

/* What the dump or the program says against the data is a finding; a server that is away, rights or
 * room that are missing say nothing about the set. */
static bool is_verdict(const Err *err)
{
	return err->kind == ERR_VERIFY || err->kind == ERR_EXEC;
}

static bool restore(Proof *proof, bool from_file, Err *err)
{
	const int64_t began = clock_mono_ms();
	const ServerWork begin = server_work(proof->db);
	const bool done = proof->set->manifest ? restore_set(proof, from_file, err)
					       : restore_dump(proof, from_file, err);

	proof->report->restore_ms = clock_mono_ms() - began;
	if (done)
		proof->report->work = server_work_since(proof->db, begin);
	return done;
}

static bool restore_and_look(Proof *proof, Err *err)
{
	AUTO(free_auto) char *how = NULL;
	bool from_file, done;

	if (!database_restore_way(proof->db, &from_file, &how, err))
		return false;
	done = restore(proof, from_file, err);
	proof->report->how = TAKE(how);
	if (!done && is_verdict(err)) {
		err_wrap(err, "the dump in '%s' cannot be restored", proof->set->name);
		proof_found(proof->report, "restore", err);
		return true;
	}
	return done && look(proof, err);
}

static void drop_scratch(Proof *proof)
{
	AUTO(err_clear) Err ignored = {0};

	if (proof->keep_scratch && fine(proof)) {
		proof->report->scratch = TAKE(proof->scratch);
		return;
	}
	signals_hold(); /* an INT ends the proof, not what cleans up after it */
	if (!database_copy_drop(proof->db, proof->scratch, NULL, proof->run, &ignored))
		event_warn_err("leftover", &ignored);
	signals_release();
}

static bool prove_database(Proof *proof, Err *err)
{
	bool done;

	/* What another server lacks says nothing about the set. */
	if (database_is_elsewhere(proof->db) && !database_fits(proof->db, err))
		return false;
	done = restore_and_look(proof, err);
	if (!done)
		proof->keep_scratch = false;
	drop_scratch(proof);
	return done;
}

/* ---- the verdict ---- */

static json_t *verdict(const Proof *proof)
{
	const int64_t now = clock_wall_ms();
	AUTO(free_auto) char *readable = clock_readable(now);
	json_t *proven = json_object();

	json_put_int(proven, "at_ms", now);
	json_put(proven, "at", readable);
	json_put(proven, "how", proof->report->how);
	json_put_int(proven, "ms", proof->report->ms);
	json_put(proven, "belay", BELAY_VERSION);
	return proven;
}

static json_t *findings_of(const Proof *proof)
{
	json_t *list = json_array();

	for (size_t i = 0; i < proof->report->texts.len; i++)
		json_array_append_new(list, json_string(proof->report->texts.items[i]));
	return list;
}

static bool write_manifest(Proof *proof, json_t *proven, Err *err)
{
	json_t *manifest = proof->set->manifest;

	/* A set of somebody else, or in a place that is not its own, is not written to. */
	if (proof->set->foreign || !str_is(json_str(manifest, "name"), proof->set->name))
		return true;
	json_object_set(manifest, "proven", proven);
	if (fine(proof))
		json_object_del(manifest, "findings");
	else
		json_object_set_new(manifest, "findings", findings_of(proof));
	return manifest_write(proof->set->path, manifest, err);
}

static bool write_verdict(Proof *proof, Err *err)
{
	AUTO(json_release_auto) json_t *proven = fine(proof) ? verdict(proof) : json_null();
	BackupSet *set = proof->set;

	set->proven = fine(proof);
	set->proven_ms = json_int(proven, "at_ms", 0);
	if (set->manifest)
		return write_manifest(proof, proven, err);
	if (!fine(proof))
		return proof_record_forget(proof->site, set->path, err);
	event_notice("database-only", false,
		"'%s' is a dump made by hand: it lacks uploads, vector store, secret key, settings "
		"and package list",
		set->name);
	return proof_record_write(proof->site, set->path, proven, set->revision, err);
}

static bool prove(void *arg, Err *err)
{
	Proof *proof = arg;
	const int64_t began = clock_mono_ms();

	if (proof->set->manifest)
		check_identity(proof);
	else if (database_is_sqlite(proof->db))
		FOUND(proof, "other-kind", "'%s' is a PostgreSQL dump, and the site uses SQLite",
			proof->set->name);
	if (fine(proof) && proof->set->manifest && !check_files(proof, err))
		return false;
	if (fine(proof) && !prove_database(proof, err))
		return false;
	proof->report->ms = clock_mono_ms() - began;
	return write_verdict(proof, err);
}

bool backup_prove(BackupSet *set, const Site *site, Database *db, const char *run,
	bool keep_scratch, ProofReport *ret, Err *err)
{
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(proof_clear)
	Proof proof = {.set = set,
		.site = site,
		.db = database_rehearsal(db),
		.run = run,
		.keep_scratch = keep_scratch,
		.pace = {.bytes_per_s = site->limit_rate},
		.report = &report};

	proof.scratch = database_scratch_name(proof.db, run);
	proof.unpacked = str_format("%s/" UNPACKED_START "%s" UNPACKED_END, site->backup_dir, run);
	if (!backup_prove_sweep(site, db, run, err) || !background_run(prove, &proof, err))
		return err_wrap(err, "proving backup set '%s'", set->name);
	*ret = report;
	report = (ProofReport){0};
	return true;
}

static void tell(const char *slug, const char *text, const char *local)
{
	const Event event = {
		.kind = EVENT_CHECK,
		.id = slug,
		.state = "refused",
		.text = text,
		.local = local,
		.ms = -1,
	};

	event_emit(&event);
}

bool proof_judge(const BackupSet *set, const ProofReport *report, Err *err)
{
	if (report->texts.len == 0)
		return true;
	for (size_t i = 0; i < report->texts.len; i++)
		tell(report->slugs.items[i], report->texts.items[i], report->findings.items[i]);
	err_fail(err, ERR_REFUSED, "%s", report->texts.items[0]);
	str_replace(&err->local, report->findings.items[0]);
	err_wrap(err, "backup set '%s' is not proven", set->name);
	return err_hint(err, "belay backups shows the others; belay backup makes a new one");
}

/* ---- what killed proofs left ---- */

/* Killed while it wrote its verdict into a set that stays as it is. */
static bool sweep_verdict(const char *set, Err *err)
{
	AUTO(free_auto) char *manifest = path_join(set, MANIFEST_NAME);

	return file_kind(manifest) != FILE_REGULAR || file_remove_unfinished(manifest, err);
}

static bool sweep_files(const Site *site, const char *run, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto)
	char *kept = str_format(UNPACKED_START "%s" UNPACKED_END, run ? run : "");

	if (!file_exists(site->backup_dir))
		return true;
	if (!dir_list(site->backup_dir, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(site->backup_dir, names.items[i]);

		if (str_starts(names.items[i], UNPACKED_START) &&
			str_ends(names.items[i], UNPACKED_END) && !str_is(names.items[i], kept) &&
			!file_remove(path, err))
			return false;
		if (!sweep_verdict(path, err))
			return false;
	}
	return true;
}

bool backup_prove_sweep(const Site *site, Database *db, const char *run, Err *err)
{
	AUTO(strlist_clear) StrList swept = {0};
	AUTO(err_clear) Err away = {0};
	Database *there = database_rehearsal(db);

	if (!sweep_files(site, run, err) || !database_scratch_sweep(db, run, &swept, err))
		return err_wrap(err, "removing what an ended proof left");
	/* Nobody waits for a server that only proofs need; the next sweep asks it again. */
	if (there != db && !database_scratch_sweep(there, run, &swept, &away))
		event_warn_err("leftover", &away);
	for (size_t i = 0; i < swept.len; i++)
		event_notice("leftover-removed", false,
			"removed scratch database '%s' of a proof that was ended", swept.items[i]);
	return true;
}

void proof_report_clear(ProofReport *report)
{
	strlist_clear(&report->findings);
	strlist_clear(&report->texts);
	strlist_clear(&report->slugs);
	free(report->how);
	free(report->scratch);
	*report = (ProofReport){0};
}
