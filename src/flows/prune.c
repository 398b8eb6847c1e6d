/* prune: what retention lets go, now; and with --way-back the kept database of one run. */
#include "backup/backup.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "flows/session.h"
#include "flows/sweep.h"
#include "os/file.h"
#include "steps/retire.h"
#include "steps/steps.h"
#include "steps/way_back.h"

static void put_list(json_t *object, const char *key, const StrList *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		json_array_append_new(array, json_string(list->items[i]));
	json_object_set_new(object, key, array);
}

static json_t *plan_of(const Site *site, const Retiring *retiring, const char *way_back)
{
	AUTO(strlist_clear) StrList ways = {0};
	json_t *plan = json_object();

	if (way_back)
		strlist_add(&ways, way_back);
	json_put(plan, "command", "prune");
	json_put(plan, "site", site->name);
	put_list(plan, "sets", &retiring->sets);
	put_list(plan, "leftovers", &retiring->leftovers);
	put_list(plan, "releases", &retiring->releases);
	put_list(plan, "packages", &retiring->packages);
	put_list(plan, "containers", &retiring->containers);
	put_list(plan, "images", &retiring->images);
	put_list(plan, "ways_back", &ways);
	return plan;
}

static size_t count(const Retiring *retiring)
{
	return retiring->sets.len + retiring->leftovers.len + retiring->releases.len +
	       retiring->packages.len + retiring->containers.len + retiring->images.len;
}

static void say(const Retiring *retiring, const char *way_back)
{
	for (size_t i = 0; i < retiring->sets.len; i++)
		event_notice("prune-set", false, "backup set '%s' goes", retiring->sets.items[i]);
	for (size_t i = 0; i < retiring->leftovers.len; i++)
		event_notice("prune-leftover", false, "the unfinished backup '%s' goes",
			path_name(retiring->leftovers.items[i]));
	for (size_t i = 0; i < retiring->releases.len; i++)
		event_notice(
			"prune-release", false, "release '%s' goes", retiring->releases.items[i]);
	for (size_t i = 0; i < retiring->packages.len; i++)
		event_notice("prune-package", false, "the fetched package '%s' goes",
			path_name(retiring->packages.items[i]));
	for (size_t i = 0; i < retiring->containers.len; i++)
		event_notice("prune-container", false, "container '%s' goes",
			retiring->containers.items[i]);
	for (size_t i = 0; i < retiring->images.len; i++)
		event_notice("prune-image", false, "belay's name for image '%.19s…' goes",
			retiring->images.items[i]);
	if (way_back)
		event_notice("prune-way-back", true,
			"the way back of run '%s' goes: the database from before it and what was "
			"written only there",
			way_back);
}

/* The database that goes and the one that serves are two; of what serves there should be a second
 * one that was proven, before the first goes. */
static bool say_what_is_left(Session *session, const char *run, Err *err)
{
	AUTO(backup_list_clear) BackupList sets = {0};
	AUTO(run_clear) Run ended = {0};

	if (!run)
		return true;
	if (!journal_run(session->journal, run, &ended, err) ||
		!backup_list(session->site, &sets, err))
		return false;
	for (size_t i = 0; i < sets.len; i++) {
		if (sets.items[i].proven && !sets.items[i].foreign &&
			sets.items[i].made_ms > ended.ended_ms)
			return true;
	}
	event_notice("prune-no-backup", true,
		"no backup set was made and proven since run '%s', so what users wrote since then is"
		" in one place only: belay backup",
		run);
	return true;
}

static bool known_way_back(Journal *journal, const char *run, Err *err)
{
	AUTO(strlist_clear) StrList runs = {0};

	if (!run)
		return true;
	if (!way_backs(journal, &runs, err))
		return false;
	if (strlist_has(&runs, run))
		return true;
	err_fail(err, ERR_REFUSED, "run '%s' has no way back", run);
	return err_hint(err, "belay status shows the one there is");
}

static bool give_up(Session *session, const char *run, Err *err)
{
	AUTO(database_close_auto) Database *db = NULL;

	return !run || (database_open(session->site, &db, err) &&
			       way_back_give_up(session->site, session->journal, db, run, err));
}

static bool prune(Session *session, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(retiring_clear) Retiring retiring = {0};
	AUTO(json_release_auto) json_t *more = NULL;
	json_t *plan;

	if (!known_way_back(session->journal, wish->way_back, err) ||
		!retire_choose(
			session->site, session->journal, NULL, wish->way_back, &retiring, err))
		return session_result(session, NULL, NULL, ret, err);
	plan = plan_of(session->site, &retiring, wish->way_back);
	more = json_pack("{s:o}", "plan", plan);
	if (count(&retiring) == 0 && !wish->way_back) {
		bool swept = wish->plan_only || sweep_scratch(session->site, session->journal, err);

		if (swept)
			event_notice("all-kept", false,
				"retention and the way back need everything that is there");
		return session_result(session, swept ? "nothing-to-do" : NULL, more, ret, err);
	}
	say(&retiring, wish->way_back);
	if (!say_what_is_left(session, wish->way_back, err))
		return session_result(session, NULL, more, ret, err);
	if (wish->plan_only)
		return session_result(session, "planned", more, ret, err);
	if (!session_agree(wish, plan, err))
		return session_result(session, "declined", more, ret, err);
	if (!give_up(session, wish->way_back, err) ||
		!sweep_scratch(session->site, session->journal, err))
		return session_result(session, NULL, more, ret, err);
	json_put_int(more, "removed", (int64_t)retire(session->site, &retiring));
	return session_result(session, "pruned", more, ret, err);
}

bool flow_prune(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err)
{
	AUTO(session_close) Session session = {0};

	if (!session_open(&session, site, "prune", false, err))
		return session_result(&session, NULL, NULL, ret, err);
	return prune(&session, wish, ret, err);
}
