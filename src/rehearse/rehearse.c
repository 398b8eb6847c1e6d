#include "rehearse/rehearse.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/alembic.h"
#include "database/elsewhere.h"
#include "database/invariants.h"
#include "os/file.h"
#include "release/migrations.h"
#include "rehearse/boot.h"
#include "rehearse/predict.h"
#include "rehearse/report.h"
#include "service/prewarm.h"
#include "database/read_on.h"

/* One rehearsal, from the restored copy to the report. */
typedef struct Stage {
	const RehearsalSpec *spec; /* whose db is that of the copy, */
	Database *live;            /* and the site's own */
	Scratch scratch;
	bool borrowed; /* it holds the data already */
	Cage *cage;
	char *uncaged;             /* why there is none */
	char *url;                 /* of the scratch database as seen from the cage */
	json_t *before, *migrated; /* rows */
	json_t *invariants;
	json_t *boot_rows, *answers;
	int64_t verify_ms, stop_ms, start_ms;
	ServerWork begin;
	Rehearsal result;
} Stage;

static void stage_clear(Stage *stage)
{
	cage_close(stage->cage);
	scratch_clear(&stage->scratch);
	free(stage->uncaged);
	free(stage->url);
	json_decref(stage->before);
	json_decref(stage->migrated);
	json_decref(stage->invariants);
	json_decref(stage->boot_rows);
	json_decref(stage->answers);
	rehearsal_clear(&stage->result);
}

/* ---- measuring ---- */

static int64_t number(Database *db, const char *place, const char *query)
{
	AUTO(free_auto) char *value = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!database_ask(db, place, query, &value, &ignored) || !value)
		return -1;
	return strtoll(value, NULL, 10);
}

static int64_t size_of(const Stage *stage)
{
	static const char *const parts[] = {"", "-wal", "-journal"};
	int64_t bytes = 0;

	if (!database_is_sqlite(stage->spec->db)) {
		bytes = number(stage->spec->db, stage->scratch.place,
			"SELECT pg_database_size(current_database())");
		return bytes < 0 ? 0 : bytes;
	}
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		AUTO(free_auto) char *path = str_format("%s%s", stage->scratch.place, parts[i]);
		struct stat about;

		if (stat(path, &about) == 0)
			bytes += about.st_size;
	}
	return bytes;
}

/* ---- the parts, in order ---- */

static bool enter_cage(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	AUTO(err_clear) Err why = {0};
	AUTO(free_auto) char *url = database_url_of(spec->db, stage->scratch.place);

	if (site_in_container(spec->site)) {
		if (!cage_make_container(spec->site, spec->target->path, url, &stage->cage, err))
			return err_wrap(err, "rehearsing in a container");
	} else if (!cage_make(database_address(spec->db), &stage->cage, &why)) {
		stage->uncaged = str_dup(why.text);
		event_notice("not-caged", true, "the rehearsal cannot be kept off the network: %s",
			why.text);
	}
	stage->result.caged = stage->cage != NULL;
	stage->url = cage_url(stage->cage, url);
	return true;
}

static bool restore(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	const int64_t began = clock_mono_ms();

	stage->begin = server_work(spec->db);
	if (stage->borrowed) {
		stage->result.copy_ms = spec->scratch_ms;
		stage->result.work = spec->scratch_work;
	} else {
		event_progress("rehearse", 0, 0, "restoring the backup set for the rehearsal");
		if (!backup_restore_database(
			    spec->set, spec->db, stage->scratch.place, spec->run, err))
			return err_wrap(err, "restoring a copy for the rehearsal");
		stage->result.copy_ms = clock_mono_ms() - began;
	}
	stage->result.bytes_before = size_of(stage);
	return database_counts(spec->db, stage->scratch.place, &stage->before, err);
}

static bool run_alembic(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	AUTO(free_auto) char *log = path_join(spec->folder, "rehearsal.log");
	AUTO(strlist_clear) StrList ahead = {0};
	const int64_t began = clock_mono_ms();
	const MigrationSpec migration = {
		.site = spec->site,
		.target = spec->target,
		.db = spec->db,
		.place = stage->scratch.place,
		.scratch_dir = stage->scratch.data_dir,
		.log_file = log,
		.stall_ms = spec->site->migrate_timeout_ms,
		.step = "rehearse",
		.expected = migrations_after(spec->migrations, spec->revision, &ahead)
				    ? (int)ahead.len
				    : 0,
		.url = stage->url,
		.cage_fd = cage_fd(stage->cage),
		.network = cage_container(stage->cage),
		.ret_peak_kb = &stage->result.peak_rss_kb,
		.ret_peak_bytes = &stage->result.peak_bytes,
	};

	if (!alembic_upgrade(&migration, &stage->result.migrations, err))
		return false;
	stage->result.migrate_ms = clock_mono_ms() - began;
	return true;
}

static bool judge_revision(const Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	AUTO(strlist_clear) StrList rows = {0};

	if (!database_revision(spec->db, stage->scratch.place, &rows, err))
		return false;
	return (rows.len == 1 && str_is(rows.items[0], spec->migrations->head)) ||
	       err_fail(err, ERR_VERIFY,
		       "after the migrations the copy is at revision '%s', not at '%s'",
		       rows.len ? rows.items[0] : "(none)", spec->migrations->head);
}

static bool migrate(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	const char *place = stage->scratch.place;
	int64_t began = clock_mono_ms();
	ServerWork work;

	if (!invariants_measure(
		    spec->db, place, spec->migrations, spec->revision, &stage->invariants, err))
		return false;
	stage->verify_ms = clock_mono_ms() - began;
	if (!run_alembic(stage, err))
		return false;
	began = clock_mono_ms();
	if (!judge_revision(stage, err) ||
		!invariants_hold(spec->db, place, stage->invariants, err) ||
		!database_counts(spec->db, place, &stage->migrated, err))
		return false;
	stage->verify_ms += clock_mono_ms() - began;
	stage->result.rows = report_changed_rows(stage->before, stage->migrated);
	stage->result.bytes_after = size_of(stage);
	work = server_work_since(spec->db, stage->begin);
	stage->result.work.wal_bytes += work.wal_bytes;
	stage->result.work.checkpoints += work.checkpoints;
	return true;
}

static bool start_once(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	AUTO(boot_report_clear) BootReport report = {0};
	AUTO(json_release_auto) json_t *booted = NULL;
	const BootSpec booting = {
		.rehearsal = spec,
		.scratch = &stage->scratch,
		.cage = stage->cage,
		.url = stage->url,
		.had_users = json_int(stage->before, "user", 0) > 0,
	};

	if (!boot(&booting, &report, err))
		return false;
	/* Nobody was at work there: what is missing now is what a first start throws away. */
	if (!invariants_hold(spec->db, stage->scratch.place, stage->invariants, err))
		return err_wrap(err, "after a start of release %s", spec->target->version);
	if (!database_counts(spec->db, stage->scratch.place, &booted, err))
		return false;
	stage->boot_rows = report_changed_rows(stage->migrated, booted);
	stage->answers = TAKE(report.answers);
	stage->result.boot_ms = report.boot_ms;
	stage->stop_ms = report.stop_ms;
	stage->start_ms = report.warm_ms ? report.warm_ms : report.boot_ms;
	stage->result.waiting_pss_kb = report.pss_kb;
	stage->result.modules = TAKE(report.modules);
	return true;
}

/* The release that serves now, on the data before their migration: what a rollback would start.
 * What it loads is recorded once; a release that does not start like this is a warning, since it is
 * the very one that serves. */
static void rehearse_way_back(const Stage *stage)
{
	const RehearsalSpec *spec = stage->spec;
	AUTO(boot_report_clear) BootReport report = {0};
	AUTO(free_auto) char *modules = NULL;
	AUTO(err_clear) Err err = {0};

	if (!spec->current)
		return;
	modules = rehearsal_modules(spec->site, spec->current->version);
	if (modules)
		return;
	const Migrations as_it_is = {.head = (char *)spec->revision};
	RehearsalSpec back = *spec;
	const BootSpec booting = {
		.rehearsal = &back,
		.scratch = (Scratch *)&stage->scratch,
		.cage = stage->cage,
		.url = stage->url,
		.had_users = json_int(stage->before, "user", 0) > 0,
	};

	back.target = spec->current;
	back.migrations = &as_it_is;
	if (!boot(&booting, &report, &err))
		event_warn_err("way-back-not-rehearsed", &err);
}

/* ---- the verdict ---- */

/* What the release did wrong is a no; what belay could not do (a server that is gone, a signal) is
 * what it is. */
static bool refuse(const RehearsalSpec *spec, Err *err)
{
	if (err->kind == ERR_VERIFY || err->kind == ERR_EXEC || err->kind == ERR_TIMEOUT ||
		err->kind == ERR_NO_SPACE)
		err->kind = ERR_REFUSED;
	if (!err->hint)
		err_hint(err, "belay logs %s", spec->run);
	return err_wrap(err, "the rehearsal of release %s failed", spec->target->version);
}

static bool conclude(Stage *stage, Err *err)
{
	const RehearsalSpec *spec = stage->spec;
	Rehearsal *result = &stage->result;
	AUTO(read_on_clear) ReadOn choice = {0};
	Prediction prediction;

	if (!read_on_choose(spec->site, stage->live, spec->current ? spec->current->version : NULL,
		    &choice, NULL, err))
		return false;
	const Measured measured = {
		.bytes = result->bytes_before,
		.restore_ms = result->copy_ms,
		.migrate_ms = result->migrate_ms,
		.verify_ms = stage->verify_ms,
		.start_ms = stage->start_ms,
		.stop_ms = stage->stop_ms,
		.sqlite = database_is_sqlite(spec->db),
		.frozen = choice.reads,
		.max_gap_ms = choice.max_gap_ms,
	};
	const ReportFacts facts = {
		.spec = spec,
		.live = stage->live,
		.prediction = &prediction,
		.uncaged = stage->uncaged,
		.answers = stage->answers,
		.boot_rows = stage->boot_rows,
		.verify_ms = stage->verify_ms,
	};

	predict(&measured, &prediction);
	result->dark_ms = prediction.dark_ms;
	result->read_only_ms = prediction.read_only_ms;
	return report_write(&facts, result, err);
}

static bool perform(Stage *stage, Err *err)
{
	if (!enter_cage(stage, err) || !restore(stage, err))
		return false;
	rehearse_way_back(stage);
	if (!migrate(stage, err) || !start_once(stage, err))
		return refuse(stage->spec, err);
	return conclude(stage, err);
}

static bool is_there(const RehearsalSpec *spec, bool *ret, Err *err)
{
	AUTO(free_auto) char *id = NULL;

	if (spec->scratch && !database_id(spec->db, spec->scratch, &id, err))
		return false;
	*ret = id != NULL;
	return true;
}

static bool find_server(Stage *stage, Err *err)
{
	Database *db = stage->spec->db;

	return !database_is_elsewhere(db) || database_server(db, &stage->result.server, err);
}

bool rehearse(const RehearsalSpec *spec, Rehearsal *ret, Err *err)
{
	RehearsalSpec there = *spec;
	AUTO(stage_clear) Stage stage = {.spec = &there, .live = spec->db};
	AUTO(err_clear) Err cleaning = {0};
	bool done;

	there.db = database_rehearsal(spec->db);
	/* A rehearsal of this run that was killed had begun to migrate it: the sweep takes it. */
	if (!rehearse_sweep(spec->site, spec->db, err) || !find_server(&stage, err) ||
		!is_there(&there, &stage.borrowed, err) ||
		!scratch_open(spec->site, there.db, spec->run,
			stage.borrowed ? spec->scratch : NULL, &stage.scratch, err))
		return false;
	done = perform(&stage, err);
	/* Whoever still talks to the scratch database goes first. */
	cage_close(TAKE(stage.cage));
	if (!scratch_remove(&stage.scratch, there.db, &cleaning))
		event_warn_err("rehearsal-leftover", &cleaning);
	if (!done)
		return false;
	*ret = stage.result;
	stage.result = (Rehearsal){0};
	return true;
}
