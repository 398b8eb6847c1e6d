#include "cli/status.h"

#include <string.h>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/database.h"
#include "journal/journal.h"
#include "os/file.h"
#include "os/process_table.h"
#include "os/run_lock.h"
#include "release/link.h"
#include "release/release.h"
#include "service/service.h"
#include "steps/run_ctx.h"

enum { MODULES_MAX = 64, USERS_MAX = 4096 };

static void note_error(json_t *status, const char *what, Err *err)
{
	json_put(json_object_get(status, "errors"), what, err->text);
	json_put(
		json_object_get(status, "errors_local"), what, err->local ? err->local : err->text);
	err_clear(err);
}

/* The release that a process runs from is the one its extension modules are mapped from: in a venv
 * /proc/PID/exe is the base Python. */
static const Release *release_of_process(const ReleaseList *releases, pid_t pid)
{
	AUTO(strlist_clear) StrList maps = {0};
	AUTO(err_clear) Err err = {0};

	if (!process_maps(pid, ".so", MODULES_MAX, &maps, &err))
		return NULL;
	for (size_t i = 0; i < maps.len; i++) {
		for (size_t j = 0; j < releases->len; j++) {
			if (path_below(maps.items[i], releases->items[j].path))
				return &releases->items[j];
		}
	}
	return NULL;
}

static void add_server(json_t *status, const Site *site, const ReleaseList *releases)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *local = NULL;
	AUTO(free_auto) char *how = service_describe(site, &local);
	const Release *release = NULL;
	json_t *server = json_object();

	(void)json_object_set_new(status, "server", server);
	json_put(server, "service", how);
	json_put(server, "service_local", local);
	json_put_int(server, "port", site->port);
	if (!service_state(site, &state, &err)) {
		note_error(status, "server", &err);
		return;
	}
	if (state.pid > 0 && site_in_container(site))
		release = releases->len > 0 ? releases->items : NULL;
	else if (state.pid > 0)
		release = release_of_process(releases, state.pid);
	(void)json_object_set_new(server, "running", json_boolean(state.pid > 0));
	json_put_int(server, "pid", state.pid);
	json_put(server, "version", release ? release->version : NULL);
	json_put(server, "unit_state", state.unit_state);
	json_put(server, "stranger", state.stranger ? state.stranger_is : NULL);
}

static void add_releases(json_t *status, const Site *site, const ReleaseList *releases)
{
	AUTO(release_clear) Release current = {0};
	AUTO(err_clear) Err err = {0};
	json_t *list = json_array();
	const bool known = release_current(site, &current, &err);

	if (!known)
		note_error(status, "installed", &err);
	json_put(status, "installed", known ? current.version : NULL);
	for (size_t i = 0; i < releases->len; i++) {
		const Release *release = &releases->items[i];
		json_t *object = json_object();

		json_put(object, "version", release->version);
		json_put(object, "path", release->path);
		(void)json_object_set_new(object, "current",
			json_boolean(known && str_is(release->path, current.path)));
		(void)json_array_append_new(list, object);
	}
	(void)json_object_set_new(status, "releases", list);
}

static void add_database(json_t *status, Database *db)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(strlist_clear) StrList rows = {0};
	AUTO(err_clear) Err err = {0};
	json_t *object = json_object();

	(void)json_object_set_new(status, "database", object);
	if (!database_glance(db, &about, &rows, &err)) {
		note_error(status, "database", &err);
		return;
	}
	json_put(object, "server", about.server);
	json_put(object, "name", about.name);
	json_put_int(object, "bytes", about.bytes);
	json_put(object, "revision", rows.len > 0 ? rows.items[0] : NULL);
}

/* The newest set, when the last look at it (a drill at night, mostly) did not find it good, or
 * there was none yet: an older one that is proven must not hide that. */
static void add_unproven(json_t *status, const BackupList *list)
{
	const BackupSet *newest = NULL;
	json_t *object, *findings;

	for (size_t i = 0; i < list->len && !newest; i++)
		if (!list->items[i].foreign)
			newest = &list->items[i];
	(void)json_object_set_new(status, "unproven_backup", json_null());
	if (!newest || newest->proven)
		return;
	findings = json_object_get(newest->manifest, "findings");
	object = json_object();
	json_put(object, "name", newest->name);
	json_put_int(object, "made_ms", newest->made_ms);
	json_put_int(object, "age_ms", clock_wall_ms() - newest->made_ms);
	(void)json_object_set_new(
		object, "findings", findings ? json_deep_copy(findings) : json_array());
	(void)json_object_set_new(status, "unproven_backup", object);
}

static void add_backup(json_t *status, const Site *site)
{
	AUTO(backup_list_clear) BackupList list = {0};
	AUTO(err_clear) Err err = {0};
	json_t *object = json_object();

	(void)json_object_set_new(status, "backup", json_null());
	if (!backup_list(site, &list, &err))
		note_error(status, "backup", &err);
	add_unproven(status, &list);
	for (size_t i = 0; i < list.len; i++) {
		const BackupSet *set = &list.items[i];

		if (!set->proven)
			continue;
		json_put(object, "name", set->name);
		json_put(object, "version", set->version);
		json_put_int(object, "made_ms", set->made_ms);
		json_put_int(object, "age_ms", clock_wall_ms() - set->made_ms);
		json_put_int(object, "proven_ms", set->proven_ms);
		json_put_int(object, "bytes", set->bytes);
		(void)json_object_set(status, "backup", object);
		break;
	}
	json_decref(object);
}

/* What its users have had since when, as the run wrote it down. */
static void add_users(json_t *object, Journal *journal, const char *run)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(err_clear) Err ignored = {0};
	json_t *users = NULL;

	if (journal_fact(journal, run, fact_name(FACT_USERS), &text, &ignored) && text &&
		json_parse(text, strlen(text), USERS_MAX, &users, &ignored))
		(void)json_object_set_new(object, "users", users);
}

static void add_unfinished(json_t *status, Journal *journal)
{
	AUTO(run_clear) Run run = {0};
	AUTO(err_clear) Err err = {0};
	StepTime *steps = NULL;
	size_t len = 0;
	bool any = false;
	json_t *object = NULL;

	if (!journal_unfinished(journal, &run, &any, &err)) {
		note_error(status, "journal", &err);
		return;
	}
	if (!any)
		return;
	object = json_object();
	json_put(object, "run", run.id);
	json_put(object, "command", run.command);
	json_put_int(object, "began_ms", run.began_ms);
	if (journal_steps(journal, run.id, &steps, &len, &err) && len > 0) {
		json_put(object, "step", steps[len - 1].step);
		json_put(object, "phase", phase_name(steps[len - 1].phase));
	}
	step_times_free(steps, len);
	add_users(object, journal, run.id);
	(void)json_object_set_new(status, "unfinished", object);
}

/* The newest run that exchanged databases: only its way back fits what is live now. */
static bool newest_exchange(Journal *journal, Run *ret, Err *err)
{
	static const char *const outcomes[] = {"upgraded", "rolled-back", "restored"};
	bool found = false;

	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		AUTO(run_clear) Run run = {0};
		bool any = false;

		if (!journal_last(journal, outcomes[i], &run, &any, err))
			return false;
		if (!any || (found && run.began_ms < ret->began_ms))
			continue;
		run_clear(ret);
		*ret = run;
		run = (Run){0};
		found = true;
	}
	return found;
}

static void add_way_back(json_t *status, Journal *journal)
{
	AUTO(run_clear) Run run = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *version = NULL;
	AUTO(free_auto) char *home = NULL;
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *gone = NULL;
	json_t *object = NULL;

	if (!newest_exchange(journal, &run, &err)) {
		if (err.kind != ERR_NONE)
			note_error(status, "way_back", &err);
		return;
	}
	if (!journal_fact(journal, run.id, fact_name(FACT_FROM_VERSION), &version, &err) ||
		!journal_fact(journal, run.id, fact_name(FACT_FROM_HOME), &home, &err) ||
		!journal_fact(journal, run.id, fact_name(FACT_SPARE), &spare, &err) ||
		!journal_fact(journal, run.id, fact_name(FACT_WAY_BACK_GONE), &gone, &err)) {
		note_error(status, "way_back", &err);
		return;
	}
	if (!version || !home || !spare || gone)
		return;
	object = json_object();
	json_put(object, "run", run.id);
	json_put(object, "version", version);
	json_put(object, "release", home);
	json_put(object, "database", spare);
	(void)json_object_set_new(status, "way_back", object);
}

static void add_journal(json_t *status, const Site *site)
{
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *path = site_path(site, "journal.db");
	AUTO(free_auto) char *lock = site_path(site, "lock");
	AUTO(free_auto) char *holder = run_lock_holder(lock);
	AUTO(err_clear) Err err = {0};

	json_put(status, "holder", holder);
	(void)json_object_set_new(status, "unfinished", json_null());
	(void)json_object_set_new(status, "way_back", json_null());
	if (!journal_open_read(path, site->name, &journal, &err))
		note_error(status, "journal", &err);
	if (!journal)
		return;
	add_unfinished(status, journal);
	/* In the middle of a run the way back of the one before fits nothing. */
	if (json_is_null(json_object_get(status, "unfinished")))
		add_way_back(status, journal);
}

json_t *status_read(const Site *site)
{
	AUTO(release_list_clear) ReleaseList releases = {0};
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(err_clear) Err err = {0};
	json_t *status = json_object();

	(void)json_object_set_new(status, "errors", json_object());
	(void)json_object_set_new(status, "errors_local", json_object());
	json_put(status, "site", site->name);
	json_put(status, "file", site->file);
	json_put(status, "environment", site->environment);
	if (!release_list(site, &releases, &err))
		note_error(status, "releases", &err);
	add_server(status, site, &releases);
	add_releases(status, site, &releases);
	if (database_open(site, &db, &err))
		add_database(status, db);
	else
		note_error(status, "database", &err);
	add_backup(status, site);
	add_journal(status, site);
	return status;
}
