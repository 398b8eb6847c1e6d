/* restore on a machine that has nothing of the site: the site, its release, its database and its
 * files are made from the backup set. */
#include "backup/site_of_set.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/make_live.h"
#include "flows/prepare.h"
#include "flows/step_lists.h"
#include "os/file.h"
#include "release/python.h"
#include "service/service.h"
#include "steps/steps.h"

const StepDef *const restore_empty_steps[] = {
	&step_lay_out_site,
	&step_build_first,
	&step_make_live_database,
	&step_restore_database,
	&step_compare_database,
	&step_restore_files,
	&step_swap_database,
	&step_swap_vectors,
	&step_point_environment,
	&step_open_database,
	&step_start_service,
	&step_pass_gate,
	/* ---- the state of the set serves ---- */
	&step_clear_places,
	NULL,
};

#define COMMAND "restore-empty"

static bool in_the_way(const char *path, Err *err)
{
	err_fail(err, ERR_REFUSED, "'%s' is there already: a restore from nothing replaces nothing",
		path);
	return err_hint(err, "name another place, or adopt the site: belay adopt");
}

static bool must_be_absent(const char *path, Err *err)
{
	return file_kind(path) == FILE_ABSENT || in_the_way(path, err);
}

/* Other folders there may belong to somebody else, such as a cache. */
static bool must_be_without_data(const Site *site, Err *err)
{
	static const char *const names[] = {"uploads", "vector_db"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *path = path_join(site->webui.data_dir, names[i]);
		AUTO(strlist_clear) StrList inside = {0};

		if (file_exists(path) && !dir_list(path, &inside, err))
			return false;
		if (inside.len > 0)
			return in_the_way(path, err);
	}
	return true;
}

static bool must_be_vacant(const Site *site, Err *err)
{
	AUTO(database_close_auto) Database *db = NULL;

	return database_open(site, &db, err) && database_must_be_vacant(db, err);
}

static bool must_be_free(const Site *site, Err *err)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(site, &state, err))
		return false;
	if (state.pid)
		return err_fail(err, ERR_REFUSED, "the server of process %d listens on port %d",
			(int)state.pid, site->port);
	return true;
}

static bool check_machine(const Site *site, const BackupSet *set, Err *err)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *release = path_join(releases, set->version);
	AUTO(free_auto) char *key = path_join(site->start_directory, ".webui_secret_key");
	AUTO(free_auto) char *python = NULL;
	const char *wanted = json_str(set->manifest, "python");

	return must_be_absent(site->file, err) && must_be_absent(site->environment, err) &&
	       must_be_absent(release, err) &&
	       (env_get(&site->recipe.env, "WEBUI_SECRET_KEY") || must_be_absent(key, err)) &&
	       must_be_without_data(site, err) && must_be_vacant(site, err) &&
	       must_be_free(site, err) && python_on_path(wanted ? wanted : "3", &python, err);
}

/* A crash before the site file was written: nobody can resume what no site is known for. */
static bool sweep_unfinished(Session *session, Err *err)
{
	AUTO(run_clear) Run open = {0};
	bool any;

	if (!journal_unfinished(session->journal, &open, &any, err) || !any)
		return err->kind == ERR_NONE;
	if (!str_is(open.command, session->command)) {
		err_fail(err, ERR_PERSON, "run '%s' is unfinished", open.id);
		return err_hint(err, "belay resume");
	}
	if (!session_continue(session, &open, err) ||
		session_undo(session, restore_empty_steps, err) != RUN_UNDONE ||
		!journal_run_end(session->journal, open.id, "undone", 4, NULL, err))
		return false;
	run_ctx_close(TAKE(session->ctx));
	free(TAKE(session->run));
	session->resumed = false;
	return true;
}

static bool set_facts(Session *session, const BackupSet *set, Err *err)
{
	const json_t *tables = json_object_get(
		json_object_get(set->manifest, "database"), "tables");
	const bool users = json_int(json_object_get(tables, "user"), "rows", 0) > 0;
	RunCtx *ctx = session->ctx;

	return fact_set(ctx, FACT_BACKUP, set->path, err) &&
	       fact_set(ctx, FACT_TO_VERSION, set->version, err) &&
	       fact_set(ctx, FACT_REVISION_AFTER, set->revision, err) &&
	       fact_set(ctx, FACT_HAD_USERS, users ? "yes" : "no", err);
}

/* Open WebUI records uploads by their full path. */
static void mind_data_dir(const Site *site, const BackupSet *set)
{
	const char *was = json_str(set->manifest, "data_dir");

	if (was && !str_is(was, site->webui.data_dir))
		event_notice("other-data-dir", true,
			"uploads are recorded with their full path below '%s' and now lie in '%s': a link "
			"from there to here keeps them readable",
			was, site->webui.data_dir);
}

static bool find_set(const Site *site, const FlowWish *wish, BackupSet *ret, Err *err)
{
	if (!backup_find(site, wish->set, ret, err))
		return false;
	if (!ret->manifest || !ret->version || !ret->revision)
		return err_fail(err, ERR_REFUSED, "'%s' is not a backup set of belay", ret->name);
	return backup_check_files(ret, err) || err_wrap(err, "checking backup set '%s'", ret->name);
}

static bool run_restore(Session *session, const BackupSet *set, FlowEnd *ret, Err *err)
{
	AUTO(err_clear) Err cause = {0};
	RunEnd end = RUN_UNTOUCHED;

	if (!session_begin(session, err))
		return session_result(session, NULL, NULL, ret, err);
	mind_data_dir(session->site, set);
	if (set_facts(session, set, err))
		end = session_run(session, restore_empty_steps, &cause, err);
	return session_finish(session, end, "restored", &cause, ret, err);
}

bool flow_restore_empty(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close)
	Session session = {.site = site, .command = COMMAND, .began_ms = clock_mono_ms()};
	AUTO(prepared_clear) Prepared prepared = {0};
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(json_release_auto) json_t *plan = NULL;
	AUTO(json_release_auto) json_t *more = NULL;

	if (!find_set(site, wish, &set, err) || !session_open(&session, site, COMMAND, true, err) ||
		!sweep_unfinished(&session, err) || !check_machine(site, &set, err) ||
		!database_open(site, &prepared.db, err))
		return session_result(&session, NULL, NULL, ret, err);
	prepared.version = str_dup(set.version);
	plan = plan_make(site, "restore", &prepared, restore_empty_steps);
	json_put(plan, "set", set.name);
	more = json_pack("{s:O}", "plan", plan);
	if (wish->plan_only)
		return session_result(&session, "planned", more, ret, err);
	if (!session_agree(wish, plan, err))
		return session_result(&session, "declined", more, ret, err);
	return run_restore(&session, &set, ret, err);
}
