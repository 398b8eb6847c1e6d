#include "rehearse/scratch.h"

#include <signal.h>
#include <string.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/elsewhere.h"
#include "os/file.h"
#include "os/process_table.h"
#include "os/tree.h"
#include "rehearse/rehearse.h"
#include "release/throwaway.h"

#define RECORD_MAX 16384
#define END_MS     5000
#define SUFFIX     ".running"

static bool start_ticks(pid_t pid, uint64_t *ret, Err *err)
{
	AUTO(process_clear) Process process = {0};

	if (!process_read(pid, &process, err))
		return false;
	*ret = process.start_ticks;
	return true;
}

/* ---- names ---- */

static char *digits_of(const char *run)
{
	AUTO(text_clear) Text digits = TEXT_INIT(15);

	for (const char *at = run; *at && digits.len < 14; at++)
		if (*at >= '0' && *at <= '9')
			text_add_bytes(&digits, at, 1);
	return digits.len == 14 ? text_take(&digits) : str_dup(run);
}

char *scratch_place(Database *db, const char *run, const char *data_dir)
{
	AUTO(free_auto) char *digits = digits_of(run);
	AUTO(free_auto) char *suffix = str_format("_rehearsal_%.40s", digits);

	if (database_is_sqlite(db))
		return path_join(data_dir, "webui.db");
	return str_with_tail(database_live(db), suffix, DATABASE_NAME_MAX);
}

/* ---- the record ---- */

static bool record_write(const Scratch *scratch, Err *err)
{
	AUTO(json_release_auto) json_t *record = json_object();
	AUTO(free_auto) char *text = NULL;
	uint64_t ticks;

	if (!start_ticks(getpid(), &ticks, err))
		return false;
	json_put(record, "run", scratch->run);
	json_put_int(record, "owner", getpid());
	json_put_int(record, "owner_ticks", (int64_t)ticks);
	json_put(record, "place", scratch->place);
	json_put(record, "at", scratch->at);
	json_put(record, "folder", scratch->folder);
	json_put_int(record, "server", scratch->server);
	json_put_int(record, "server_ticks", (int64_t)scratch->server_ticks);
	text = json_pretty(record);
	return file_write_text(scratch->record, text, 0600, err);
}

static bool record_read(const char *path, Scratch *ret, bool *ret_in_use, Err *err)
{
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(close_auto) int owner = -1;
	AUTO(free_auto) char *text = NULL;
	size_t len;
	pid_t pid;

	if (!file_read(path, RECORD_MAX, &text, &len, err) ||
		!json_parse(text, len, RECORD_MAX, &record, err))
		return false;
	pid = (pid_t)json_int(record, "owner", 0);
	if (pid > 0 && pid != getpid())
		owner = process_open(pid, (uint64_t)json_int(record, "owner_ticks", 0));
	*ret = (Scratch){
		.run = str_dup(json_str(record, "run")),
		.record = str_dup(path),
		.folder = str_dup(json_str(record, "folder")),
		.place = str_dup(json_str(record, "place")),
		.at = str_dup(json_str(record, "at")),
		.server = (pid_t)json_int(record, "server", 0),
		.server_ticks = (uint64_t)json_int(record, "server_ticks", 0),
	};
	*ret_in_use = process_alive(owner);
	return true;
}

void scratch_clear(Scratch *scratch)
{
	free(scratch->run);
	free(scratch->record);
	free(scratch->folder);
	free(scratch->data_dir);
	free(scratch->place);
	free(scratch->at);
	*scratch = (Scratch){0};
}

/* ---- making ---- */

/* NULL for the site's own server. */
static char *address_of(const Database *db)
{
	const DatabaseUrl *url = database_address(db);

	return database_is_elsewhere(db)
		       ? str_format("%s:%d", url->host ? url->host : "localhost", url->port)
		       : NULL;
}

static bool make_folder(const Site *site, const Scratch *scratch, Err *err)
{
	const Recipe *recipe = &site->recipe;

	return tree_remove(scratch->folder, err) && dir_make(scratch->data_dir, 0700, err) &&
	       (geteuid() != 0 || tree_chown(scratch->folder, recipe->uid, recipe->gid, err));
}

/* A database of that name that nobody recorded is not ours, whatever it is. */
static bool place_is_free(Database *db, const Scratch *scratch, Err *err)
{
	AUTO(free_auto) char *there = NULL;

	if (database_is_sqlite(db))
		return true;
	if (!database_id(db, scratch->place, &there, err))
		return false;
	return !there ||
	       err_fail(err, ERR_FOREIGN, "there is a database '%s' already", scratch->place);
}

bool scratch_open(
	const Site *site, Database *db, const char *run, const char *place, Scratch *ret, Err *err)
{
	AUTO(scratch_clear) Scratch scratch = {.run = str_dup(run)};
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *records = site_path(site, "rehearsals");
	AUTO(free_auto) char *name = str_format(".rehearsal-%s", run);

	scratch.record = str_format("%s/%s" SUFFIX, records, run);
	scratch.folder = path_join(releases, name);
	scratch.data_dir = path_join(scratch.folder, "data");
	scratch.at = address_of(db);
	scratch.place = place ? str_dup(place) : scratch_place(db, run, scratch.data_dir);
	if (!dir_make(records, 0700, err) || (!place && !place_is_free(db, &scratch, err)) ||
		!record_write(&scratch, err))
		return false;
	if (!make_folder(site, &scratch, err))
		return err_wrap(err, "making room for the rehearsal");
	*ret = scratch;
	scratch = (Scratch){0};
	return true;
}

bool scratch_note_server(Scratch *scratch, pid_t server, Err *err)
{
	if (!start_ticks(server, &scratch->server_ticks, err))
		return false;
	scratch->server = server;
	return record_write(scratch, err);
}

/* ---- removing ---- */

static bool end_server(Scratch *scratch, Err *err)
{
	AUTO(close_auto) int pidfd = -1;

	if (scratch->server <= 0)
		return true;
	pidfd = process_open(scratch->server, scratch->server_ticks);
	/* Its children have its group; the number is its own as long as it is not reaped. */
	if (pidfd >= 0)
		kill(-scratch->server, SIGTERM);
	if (pidfd >= 0 && !process_end(pidfd, END_MS, err))
		return err_wrap(err, "ending the server of a rehearsal");
	scratch->server = 0;
	return true;
}

static bool is_stray(const char *folder, const Process *process)
{
	const char *data_dir = env_get(&process->env, "DATA_DIR");

	return process->pid != getpid() && data_dir && path_below(data_dir, folder);
}

/* One that left the server and its group, as a daemon does, still has the environment that was made
 * for the rehearsal. */
static bool end_strays(const Scratch *scratch, Err *err)
{
	return !scratch->folder || process_end_all(is_stray, scratch->folder, END_MS, err) ||
	       err_wrap(err, "ending the server of a rehearsal");
}

/* Without a comment it is one that belay was killed in the middle of making: its name is in our
 * record, and was free when that was written. */
static bool drop_database(const Scratch *scratch, Database *db, Err *err)
{
	AUTO(free_auto) char *id = NULL;

	if (!scratch->place || !database_id(db, scratch->place, &id, err))
		return scratch->place == NULL;
	return !id || database_copy_drop(db, scratch->place, id, scratch->run, err);
}

bool scratch_remove(Scratch *scratch, Database *db, Err *err)
{
	if (!scratch->record)
		return true;
	return end_server(scratch, err) && end_strays(scratch, err) &&
	       (!scratch->folder || tree_remove(scratch->folder, err)) &&
	       (drop_database(scratch, db, err) ||
		       err_wrap(err, "removing the scratch database of a rehearsal")) &&
	       file_remove(scratch->record, err);
}

/* ---- what a killed rehearsal left ---- */

/* On another server than the site's: one that is away, or that the site file names no more, must
 * not keep a site from being upgraded or taken back. The record stays until the database is gone.
 */
static void sweep_elsewhere(Scratch *scratch, Database *db)
{
	Database *there = database_rehearsal(db);
	AUTO(free_auto) char *at = address_of(there);
	AUTO(err_clear) Err away = {0};

	if (str_is(at, scratch->at) && scratch_remove(scratch, there, &away))
		return;
	if (away.kind == ERR_NONE)
		err_fail(&away, ERR_DATABASE, "the site file does not name that server any more");
	err_wrap(&away, "scratch database '%s' on '%s'", scratch->place, scratch->at);
	err_hint(&away, "if it is there: DROP DATABASE \"%s\"; then rm '%s'", scratch->place,
		scratch->record);
	event_warn_err("rehearsal-leftover", &away);
}

static bool sweep(const char *path, Database *db, Err *err)
{
	AUTO(scratch_clear) Scratch scratch = {0};
	bool in_use;

	if (!record_read(path, &scratch, &in_use, err))
		return err_wrap(err, "reading '%s'", path);
	if (in_use)
		return true;
	if (scratch.at) {
		sweep_elsewhere(&scratch, db);
		return true;
	}
	return scratch_remove(&scratch, db, err) ||
	       err_wrap(err, "removing what rehearsal '%s' left", scratch.run);
}

bool rehearse_sweep(const Site *site, Database *db, Err *err)
{
	AUTO(free_auto) char *records = site_path(site, "rehearsals");
	AUTO(strlist_clear) StrList names = {0};

	if (!throwaway_sweep(site, err))
		return false;
	if (file_kind(records) != FILE_FOLDER)
		return true;
	if (!dir_list(records, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(records, names.items[i]);

		if (str_ends(names.items[i], SUFFIX) && !sweep(path, db, err))
			return false;
	}
	return true;
}
