#include "backup/retention.h"

#include <stdlib.h>
#include <time.h>

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "unit.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
/* 2026-11-23 12:00 UTC, a Monday. */
#define NOON INT64_C(1795435200000)

typedef struct Sets {
	BackupList list;
	StrList gone;
} Sets;

static void sets_clear(Sets *sets)
{
	backup_list_clear(&sets->list);
	strlist_clear(&sets->gone);
}

/* Newest first, as backup_list() gives them. */
static BackupSet *add(Sets *sets, const char *name, int64_t made_ms, bool proven)
{
	BackupList *list = &sets->list;

	list->items = mem_resize(list->items, list->len + 1, sizeof(*list->items));
	list->items[list->len] = (BackupSet){.name = str_dup(name),
		.path = str_dup(name),
		.made_ms = made_ms,
		.proven = proven,
		.manifest = json_object()};
	return &list->items[list->len++];
}

static void add_nights(Sets *sets, int nights, bool proven)
{
	for (int i = 0; i < nights; i++) {
		AUTO(free_auto) char *name = str_format("n%03d", i);

		add(sets, name, NOON - i * DAY_MS, proven);
	}
}

static void choose(Sets *sets, RetentionRule rule, const char *kept)
{
	AUTO(strlist_clear) StrList names = {0};

	if (kept)
		strlist_add(&names, kept);
	strlist_clear(&sets->gone);
	retention_choose(&sets->list, &rule, &names, &sets->gone);
}

static void the_last_are_kept_and_the_oldest_goes_first(void **state UNUSED)
{
	AUTO(sets_clear) Sets sets = {0};

	add_nights(&sets, 5, true);
	choose(&sets, (RetentionRule){.last = 3}, NULL);
	assert_int_equal(sets.gone.len, 2);
	assert_string_equal(sets.gone.items[0], "n004");
	assert_string_equal(sets.gone.items[1], "n003");
}

/* The newest of each day, week and month, for as many of them as have a set. */
static const struct {
	const char *promise;
	RetentionRule rule;
	int nights;
	size_t kept;
} rules[] = {
	{"days", {.last = 1, .daily = 7}, 30, 7},
	/* Monday is a week of its own, then three whole ones. */
	{"weeks", {.last = 1, .weekly = 4}, 60, 4},
	/* 23 November, 31 October, 30 September */
	{"months", {.last = 1, .monthly = 3}, 120, 3},
	/* last and daily name the same seven; two more Sundays, two more ends of months */
	{"all of them", {.last = 7, .daily = 7, .weekly = 4, .monthly = 3}, 120, 11},
	{"a rule of nothing still keeps the last", {0}, 10, 1},
	{"more places than sets", {.last = 100, .daily = 100}, 10, 10},
};

static void periods_are_counted(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		AUTO(sets_clear) Sets sets = {0};

		add_nights(&sets, rules[i].nights, true);
		choose(&sets, rules[i].rule, NULL);
		if (sets.list.len - sets.gone.len != rules[i].kept)
			fail_msg("%s: %zu sets kept", rules[i].promise,
				sets.list.len - sets.gone.len);
		assert_false(strlist_has(&sets.gone, "n000"));
	}
}

static void a_server_that_was_off_loses_nothing(void **state UNUSED)
{
	AUTO(sets_clear) Sets sets = {0};

	add(&sets, "new", NOON, true);
	add(&sets, "old", NOON - 400 * DAY_MS, true);
	choose(&sets, (RetentionRule){.last = 1, .daily = 2}, NULL);
	assert_int_equal(sets.gone.len, 0);
}

/* Ten failed nights after one good: the good one stays, whatever the rule. */
static void failed_runs_push_nothing_out(void **state UNUSED)
{
	AUTO(sets_clear) Sets sets = {0};

	add_nights(&sets, 10, false);
	add(&sets, "good", NOON - 20 * DAY_MS, true);
	add(&sets, "older", NOON - 21 * DAY_MS, true);
	choose(&sets, (RetentionRule){.last = 2}, NULL);
	assert_false(strlist_has(&sets.gone, "good"));
	assert_false(strlist_has(&sets.gone, "older"));
	assert_false(strlist_has(&sets.gone, "n001"));
	assert_true(strlist_has(&sets.gone, "n002"));
	choose(&sets, (RetentionRule){0}, NULL);
	assert_false(strlist_has(&sets.gone, "good"));
}

static void without_any_proven_set_the_rule_counts_all(void **state UNUSED)
{
	AUTO(sets_clear) Sets sets = {0};

	add_nights(&sets, 5, false);
	choose(&sets, (RetentionRule){.last = 2}, NULL);
	assert_int_equal(sets.gone.len, 3);
}

static void what_is_needed_or_not_ours_stays(void **state UNUSED)
{
	AUTO(sets_clear) Sets sets = {0};

	add_nights(&sets, 5, true);
	add(&sets, "other-site", NOON - 50 * DAY_MS, true)->foreign = true;
	BackupSet *dump = add(&sets, "by-hand.dump", NOON - 60 * DAY_MS, true);

	dump->foreign = true;
	json_decref(dump->manifest);
	dump->manifest = NULL;
	choose(&sets, (RetentionRule){.last = 1}, "n003");
	assert_int_equal(sets.gone.len, 3);
	assert_false(strlist_has(&sets.gone, "n003"));
	assert_false(strlist_has(&sets.gone, "other-site"));
	assert_false(strlist_has(&sets.gone, "by-hand.dump"));
}

/* ---- on a disk ---- */

typedef struct Folder {
	Site site;
	char *root;
} Folder;

static int setup(void **state)
{
	Folder *folder = NEW(Folder);
	char name[] = "/tmp/belay-unit-XXXXXX";

	folder->root = str_dup(mkdtemp(name));
	folder->site.backup_dir = folder->root;
	*state = folder;
	return 0;
}

static int teardown(void **state)
{
	Folder *folder = *state;
	AUTO(err_clear) Err err = {0};
	const bool gone = tree_remove(folder->root, &err);

	free(folder->root);
	free(folder);
	return gone ? 0 : -1;
}

static void put(const Folder *folder, const char *set, const char *file)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(folder->root, set);
	AUTO(free_auto) char *full = path_join(path, file);

	assert_done(dir_make(path, 0700, &err), &err);
	assert_done(file_write_text(full, "x", 0600, &err), &err);
}

static bool is_there(const Folder *folder, const char *set)
{
	AUTO(free_auto) char *path = path_join(folder->root, set);

	return file_exists(path);
}

static void only_what_belay_left_is_a_leftover(void **state)
{
	const Folder *folder = *state;
	AUTO(strlist_clear) StrList paths = {0};
	AUTO(err_clear) Err err = {0};

	put(folder, "openwebui_backup_20260101_120000", "webui.db.zst");
	put(folder, "openwebui_backup_20260102_120000.partial", MANIFEST_NAME);
	put(folder, "openwebui_backup_20260103_120000", MANIFEST_NAME);
	put(folder, "openwebui_backup_20260104_120000", "toc.dat"); /* pg_dump -Fd by hand */
	put(folder, "openwebui_backup_old", "webui.db.zst");
	put(folder, "notes", "webui.db.zst");
	assert_done(retention_leftovers(&folder->site, &paths, &err), &err);
	assert_int_equal(paths.len, 2);
	for (size_t i = 0; i < paths.len; i++)
		assert_done(retention_remove_leftover(&folder->site, paths.items[i], &err), &err);
	assert_false(is_there(folder, "openwebui_backup_20260101_120000"));
	assert_false(is_there(folder, "openwebui_backup_20260102_120000.partial"));
	assert_true(is_there(folder, "openwebui_backup_20260103_120000"));
	assert_true(is_there(folder, "openwebui_backup_20260104_120000"));
	assert_true(is_there(folder, "openwebui_backup_old"));
	assert_true(is_there(folder, "notes"));
}

static void a_set_is_removed_only_from_its_own_folder(void **state)
{
	const Folder *folder = *state;
	AUTO(err_clear) Err err = {0};
	const char *name = "openwebui_backup_20260103_120000";

	put(folder, name, MANIFEST_NAME);
	AUTO(json_release_auto) json_t *manifest = json_object();
	AUTO(free_auto) char *path = path_join(folder->root, name);
	const Site elsewhere = {.backup_dir = (char *)"/nowhere"};
	const BackupSet set = {.path = path, .name = (char *)name, .manifest = manifest};

	assert_error(retention_remove(&elsewhere, &set, &err), &err, ERR_INTERNAL);
	assert_true(is_there(folder, name));
	err_clear(&err);
	assert_done(retention_remove(&folder->site, &set, &err), &err);
	assert_false(is_there(folder, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_are_kept_and_the_oldest_goes_first),
		cmocka_unit_test(periods_are_counted),
		cmocka_unit_test(a_server_that_was_off_loses_nothing),
		cmocka_unit_test(failed_runs_push_nothing_out),
		cmocka_unit_test(without_any_proven_set_the_rule_counts_all),
		cmocka_unit_test(what_is_needed_or_not_ours_stays),
		cmocka_unit_test_setup_teardown(
			only_what_belay_left_is_a_leftover, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_set_is_removed_only_from_its_own_folder, setup, teardown),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
