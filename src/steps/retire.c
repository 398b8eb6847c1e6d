#include "steps/retire.h"

#include "backup/retention.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/container_link.h"
#include "release/data_home.h"
#include "release/image.h"
#include "release/link.h"
#include "release/stub.h"
#include "release/version.h"
#include "steps/way_back.h"

/* Runs that may still be taken back or finished: what they refer to stays. */
static bool runs_in_use(
	Journal *journal, const char *run, const char *given_up, StrList *ret, Err *err)
{
	AUTO(run_clear) Run open = {0};
	bool any;

	if (!way_backs(journal, ret, err) || !journal_unfinished(journal, &open, &any, err))
		return false;
	for (size_t i = ret->len; i-- > 0;)
		if (str_is(ret->items[i], given_up))
			strlist_remove(ret, i);
	if (any)
		strlist_add(ret, open.id);
	if (run && !strlist_has(ret, run))
		strlist_add(ret, run);
	return true;
}

static bool add_facts(Journal *journal, const StrList *runs, Fact fact, StrList *ret, Err *err)
{
	for (size_t i = 0; i < runs->len; i++) {
		AUTO(free_auto) char *value = NULL;

		if (!journal_fact(journal, runs->items[i], fact_name(fact), &value, err))
			return false;
		if (value)
			strlist_add(ret, value);
	}
	return true;
}

/* ---- backup sets ---- */

static bool choose_sets(
	const Site *site, Journal *journal, const StrList *runs, Retiring *ret, Err *err)
{
	AUTO(backup_list_clear) BackupList sets = {0};
	AUTO(strlist_clear) StrList kept_for = {0};
	const RetentionRule rule = {
		.last = site->keep_last,
		.daily = site->keep_daily,
		.weekly = site->keep_weekly,
		.monthly = site->keep_monthly,
	};

	if (!add_facts(journal, runs, FACT_BACKUP, &kept_for, err) ||
		!backup_list(site, &sets, err))
		return false;
	retention_choose(&sets, &rule, &kept_for, &ret->sets);
	return retention_leftovers(site, &ret->leftovers, err);
}

/* ---- releases ---- */

/* One that belay did not build is the environment from before the first upgrade: a person made it
 * and a person removes it. */
static bool may_go(
	const Site *site, const Release *release, const Release *current, const StrList *homes)
{
	AUTO(free_auto) char *folder = site_releases_dir(site);
	AUTO(err_clear) Err ignored = {0};
	DataHome data;

	return release->ours && path_below(release->path, folder) &&
	       !str_is(release->path, current->path) && !strlist_has(homes, release->path) &&
	       version_compare(release->version, current->version) < 0 &&
	       data_home_state(site, release, &data, &ignored) && data != DATA_INSIDE;
}

static bool choose_releases(const Site *site, Journal *journal, const StrList *runs,
	const Release *current, Retiring *ret, Err *err)
{
	AUTO(release_list_clear) ReleaseList releases = {0};
	AUTO(strlist_clear) StrList homes = {0};

	if (!add_facts(journal, runs, FACT_FROM_HOME, &homes, err) ||
		!add_facts(journal, runs, FACT_TO_HOME, &homes, err))
		return false;
	if (site_in_container(site)) {
		strlist_add(&homes, current->path);
		return container_link_kept(site, runs, &ret->containers, err) &&
		       image_unneeded(site, &homes, &ret->images, err);
	}
	if (!release_list(site, &releases, err))
		return false;
	for (size_t i = 0; i < releases.len; i++)
		if (may_go(site, &releases.items[i], current, &homes))
			strlist_add(&ret->releases, releases.items[i].path);
	return true;
}

/* ---- packages fetched to read notes and migrations from ---- */

static bool is_old(const char *name, const char *current)
{
	AUTO(free_auto) char *version = NULL;
	AUTO(err_clear) Err none = {0};

	return version_normal(name, &version, &none) && version_compare(version, current) < 0;
}

static bool choose_packages(const Site *site, const char *current, Retiring *ret, Err *err)
{
	AUTO(free_auto) char *folder = site_path(site, "packages");
	AUTO(strlist_clear) StrList names = {0};

	if (!file_exists(folder))
		return true;
	if (!dir_list(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (str_ends(names.items[i], ".partial") || is_old(names.items[i], current))
			strlist_add(&ret->packages, path);
	}
	return true;
}

/* A stub that ENV no longer links to and whose run left it: the disk was full, for example. In a
 * run of its own this is asked after its gate, where nothing links to its stub any more. */
static bool choose_stubs(
	const Site *site, Journal *journal, const char *run, Retiring *ret, Err *err)
{
	AUTO(free_auto) char *folder = site_releases_dir(site);
	AUTO(free_auto) char *linked = NULL;
	AUTO(strlist_clear) StrList names = {0};
	AUTO(run_clear) Run open = {0};
	LinkState state;
	bool any;

	if (!file_exists(folder))
		return true;
	if (!link_state(site, &state, &linked, err) || !dir_list(folder, &names, err) ||
		!journal_unfinished(journal, &open, &any, err))
		return false;
	if (state == LINK_STUB || (any && !str_is(open.id, run)))
		return true;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (stub_run(path))
			strlist_add(&ret->releases, path);
	}
	return true;
}

bool retire_choose(const Site *site, Journal *journal, const char *run, const char *given_up,
	Retiring *ret, Err *err)
{
	AUTO(release_clear) Release current = {0};
	AUTO(strlist_clear) StrList runs = {0};

	return runs_in_use(journal, run, given_up, &runs, err) &&
	       release_current(site, &current, err) &&
	       choose_sets(site, journal, &runs, ret, err) &&
	       choose_releases(site, journal, &runs, &current, ret, err) &&
	       choose_stubs(site, journal, run, ret, err) &&
	       choose_packages(site, current.version, ret, err);
}

/* ---- doing it ---- */

static bool remove_set(const Site *site, const char *name, Err *err)
{
	AUTO(backup_set_clear) BackupSet set = {0};

	return backup_find(site, name, &set, err) && retention_remove(site, &set, err);
}

static bool remove_folder(const Site *site UNUSED, const char *path, Err *err)
{
	return FAULT(err, "retire") && tree_remove(path, err);
}

static size_t remove_all(const Site *site, const StrList *what,
	bool (*remove)(const Site *site, const char *name, Err *err))
{
	size_t gone = 0;

	for (size_t i = 0; i < what->len; i++) {
		Err err = {0};

		if (remove(site, what->items[i], &err))
			gone++;
		else
			event_warn_err("retention", &err);
	}
	return gone;
}

size_t retire(const Site *site, const Retiring *retiring)
{
	return remove_all(site, &retiring->sets, remove_set) +
	       remove_all(site, &retiring->leftovers, retention_remove_leftover) +
	       remove_all(site, &retiring->releases, remove_folder) +
	       remove_all(site, &retiring->packages, remove_folder) +
	       remove_all(site, &retiring->containers, container_link_drop_kept) +
	       remove_all(site, &retiring->images, image_let_go);
}

void retiring_clear(Retiring *retiring)
{
	strlist_clear(&retiring->sets);
	strlist_clear(&retiring->leftovers);
	strlist_clear(&retiring->releases);
	strlist_clear(&retiring->packages);
	strlist_clear(&retiring->containers);
	strlist_clear(&retiring->images);
}
