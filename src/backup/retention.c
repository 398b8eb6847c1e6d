#include "backup/retention.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

#define START   "openwebui_backup_"
#define PARTIAL ".partial"

/* ---- choosing ---- */

/* Numbers that are equal for two times in the same local day, ISO week, month. */
static long day_of(const struct tm *at)
{
	return (at->tm_year + 1900L) * 1000 + at->tm_yday;
}

static long week_of(const struct tm *at)
{
	char text[16];

	strftime(text, sizeof(text), "%G%V", at);
	return strtol(text, NULL, 10);
}

static long month_of(const struct tm *at)
{
	return (at->tm_year + 1900L) * 12 + at->tm_mon;
}

typedef struct Choice {
	const BackupList *sets;
	bool *keep;
	bool only_proven; /* while choosing, the others are passed over */
} Choice;

static bool counts(const Choice *choice, size_t i)
{
	const BackupSet *set = &choice->sets->items[i];

	return !set->foreign && set->manifest && (set->proven || !choice->only_proven);
}

static void keep_last(Choice *choice, int wanted)
{
	for (size_t i = 0; i < choice->sets->len && wanted > 0; i++) {
		if (!counts(choice, i))
			continue;
		choice->keep[i] = true;
		wanted--;
	}
}

/* The newest of each of the `wanted` last periods that have a set at all: a server that was off for
 * a month loses none. */
static void keep_periods(Choice *choice, int wanted, long (*period_of)(const struct tm *))
{
	long before = -1;

	for (size_t i = 0; i < choice->sets->len && wanted > 0; i++) {
		const time_t at = (time_t)(choice->sets->items[i].made_ms / 1000);
		struct tm local = {0};
		long period;

		if (!counts(choice, i))
			continue;
		localtime_r(&at, &local);
		period = period_of(&local);
		if (period == before)
			continue;
		before = period;
		choice->keep[i] = true;
		wanted--;
	}
}

static void keep_named(Choice *choice, const StrList *names)
{
	for (size_t i = 0; names && i < choice->sets->len; i++)
		if (strlist_has(names, choice->sets->items[i].name))
			choice->keep[i] = true;
}

static bool any_proven(const BackupList *sets)
{
	for (size_t i = 0; i < sets->len; i++)
		if (sets->items[i].proven && sets->items[i].manifest && !sets->items[i].foreign)
			return true;
	return false;
}

void retention_choose(const BackupList *sets, const RetentionRule *rule, const StrList *kept_for,
	StrList *ret_remove)
{
	AUTO(free_auto) bool *keep = mem_new(sets->len + 1, sizeof(bool));
	Choice choice = {.sets = sets, .keep = keep, .only_proven = any_proven(sets)};

	keep_last(&choice, rule->last > 0 ? rule->last : 1);
	keep_periods(&choice, rule->daily, day_of);
	keep_periods(&choice, rule->weekly, week_of);
	keep_periods(&choice, rule->monthly, month_of);
	/* Those among the newest that are not proven yet may still be. */
	choice.only_proven = false;
	keep_last(&choice, rule->last);
	keep_named(&choice, kept_for);
	for (size_t i = sets->len; i-- > 0;)
		if (!keep[i] && sets->items[i].manifest && !sets->items[i].foreign)
			strlist_add(ret_remove, sets->items[i].name);
}

/* ---- removing ---- */

static bool is_in(const Site *site, const char *path)
{
	AUTO(free_auto) char *folder = path_folder(path);

	return str_is(folder, site->backup_dir);
}

bool retention_remove(const Site *site, const BackupSet *set, Err *err)
{
	AUTO(free_auto) char *partial = str_format("%s" PARTIAL, set->path);

	if (!set->manifest || set->foreign || !is_in(site, set->path) ||
		!str_starts(set->name, START) || file_kind(set->path) != FILE_FOLDER)
		return err_fail(err, ERR_INTERNAL,
			"'%s' is no backup set of this site and is not removed", set->path);
	if (!tree_remove(partial, err) || !file_rename(set->path, partial, err) ||
		!tree_remove(partial, err))
		return err_wrap(err, "removing backup set '%s'", set->name);
	return true;
}

/* openwebui_backup_20261123_134812, with or without .partial */
static bool is_set_name(const char *name)
{
	const char *stamp = name + strlen(START);

	return str_starts(name, START) && strspn(stamp, "0123456789") == 8 && stamp[8] == '_' &&
	       strspn(stamp + 9, "0123456789") == 6 &&
	       (stamp[15] == '\0' || str_is(stamp + 15, PARTIAL));
}

/* A folder that somebody made with pg_dump -Fd may bear the same name. */
static bool holds_only_ours(const char *path)
{
	static const char *const ours[] = {"database.dump.zst", "webui.db.zst", "files",
		"secret_key", "environment", "dotenv", "packages.txt", "start.json", "RESTORE.md",
		MANIFEST_NAME};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!dir_list(path, &names, &ignored))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		bool known = str_starts(names.items[i], ".");

		for (size_t j = 0; j < COUNT_OF(ours); j++)
			known = known || str_is(names.items[i], ours[j]);
		if (!known)
			return false;
	}
	return true;
}

static bool is_leftover(const char *path)
{
	AUTO(free_auto) char *manifest = path_join(path, MANIFEST_NAME);

	return file_kind(path) == FILE_FOLDER && is_set_name(path_name(path)) &&
	       (str_ends(path, PARTIAL) || file_kind(manifest) == FILE_ABSENT) &&
	       holds_only_ours(path);
}

bool retention_leftovers(const Site *site, StrList *ret_paths, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!file_exists(site->backup_dir))
		return true;
	if (!dir_list(site->backup_dir, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(site->backup_dir, names.items[i]);

		if (is_leftover(path))
			strlist_add(ret_paths, path);
	}
	return true;
}

bool retention_remove_leftover(const Site *site, const char *path, Err *err)
{
	if (!is_in(site, path) || !is_leftover(path))
		return err_fail(err, ERR_INTERNAL, "'%s' is not a leftover of belay", path);
	return tree_remove(path, err);
}
