#include "rehearse/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/disk.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/notes.h"
#include "rehearse/boot.h"

#define REPORT_MAX ((size_t)8 * 1024 * 1024)
#define SCHEMA     1
#define NOTES_MAX  40

char *report_path(const Site *site, const char *version, const char *suffix)
{
	AUTO(free_auto) char *below = str_format("rehearsals/%s%s", version, suffix);

	return site_path(site, below);
}

/* ---- rows ---- */

static void put_rows(json_t *all, const char *table, const json_t *before, const json_t *after)
{
	json_t *one;

	if (before && after && json_equal(before, after))
		return;
	one = json_object();
	json_object_set_new(one, "before", before ? json_copy((json_t *)before) : json_null());
	json_object_set_new(one, "after", after ? json_copy((json_t *)after) : json_null());
	json_object_set_new(all, table, one);
}

json_t *report_changed_rows(const json_t *before, const json_t *after)
{
	json_t *all = json_object(), *count;
	const char *table;

	json_object_foreach((json_t *)before, table, count)
	{
		put_rows(all, table, count, json_object_get(after, table));
	}
	json_object_foreach((json_t *)after, table, count)
	{
		if (!json_object_get(before, table))
			put_rows(all, table, NULL, count);
	}
	return all;
}

/* ---- parts ---- */

static json_t *breaking(const RehearsalSpec *spec)
{
	AUTO(release_clear) Release current = {0};
	AUTO(notes_clear) Notes notes = {0};
	AUTO(err_clear) Err ignored = {0};
	json_t *list = json_array();

	/* A release without a change log can be rehearsed all the same. */
	if (!release_current(spec->site, &current, &ignored) ||
		!notes_read(spec->target->package_dir, current.version, spec->target->version,
			&notes, &ignored))
		return list;
	for (size_t i = 0; i < notes.len && i < NOTES_MAX && notes.items[i].important; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "version", notes.items[i].version, "text",
				      notes.items[i].text));
	return list;
}

static void add_disk(json_t *list, const char *what, const char *path, int64_t bytes)
{
	AUTO(err_clear) Err ignored = {0};
	json_t *one = json_object();
	DiskFree disk;

	json_put(one, "what", what);
	json_put(one, "path", path);
	json_put_int(one, "bytes", bytes);
	if (path && disk_free(path, &disk, &ignored))
		json_put_int(one, "free_bytes", disk.free_bytes);
	json_array_append_new(list, one);
}

/* What the upgrade itself will take, from what the rehearsal took. The way back keeps the old
 * database and the old vectors, so nothing is given back before it is given up. */
static json_t *disk(const RehearsalSpec *spec, Database *live, const Rehearsal *rehearsal)
{
	const Site *site = spec->site;
	AUTO(free_auto) char *vectors = site_vector_dir(site);
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *folder = NULL;
	json_t *list = json_array();
	TreeSize size = {0};

	if (!tree_size(vectors, &size, &ignored))
		size = (TreeSize){0};
	if (!database_folder(live, &folder, &ignored))
		err_clear(&ignored);
	add_disk(list, "copy of the database", folder, rehearsal->bytes_after);
	/* At most: the server cuts it back and uses it again. */
	if (rehearsal->work.wal_bytes > 0)
		add_disk(list, "write-ahead log", folder, rehearsal->work.wal_bytes);
	add_disk(list, "copy of the vector store", site->webui.data_dir, size.bytes);
	return list;
}

static json_t *predicted(const Prediction *prediction)
{
	json_t *all = json_object(), *terms = json_object();

	json_put_int(all, "dark_ms", prediction->dark_ms);
	json_put_int(all, "read_only_ms", prediction->read_only_ms);
	json_put_int(terms, "freeze_ms", prediction->freeze_ms);
	json_put_int(terms, "copy_ms", prediction->copy_ms);
	json_put_int(terms, "migrate_ms", prediction->migrate_ms);
	json_put_int(terms, "verify_ms", prediction->verify_ms);
	json_put_int(terms, "stop_ms", prediction->stop_ms);
	json_put_int(terms, "swap_ms", prediction->swap_ms);
	json_put_int(terms, "start_ms", prediction->start_ms);
	json_object_set_new(all, "terms", terms);
	return all;
}

static json_t *replaced(const Site *site)
{
	AUTO(strlist_clear) StrList names = {0};
	json_t *list = json_array();

	boot_replaced(site, &names);
	for (size_t i = 0; i < names.len; i++)
		json_array_append_new(list, json_string(names.items[i]));
	return list;
}

static void set(json_t *object, const char *key, const json_t *value)
{
	json_object_set_new(object, key, value ? json_deep_copy(value) : json_null());
}

/* ---- the whole ---- */

static json_t *make(const ReportFacts *facts, const Rehearsal *rehearsal)
{
	const RehearsalSpec *spec = facts->spec;
	json_t *report = json_object();

	json_put_int(report, "schema", SCHEMA);
	json_put(report, "version", spec->target->version);
	json_put(report, "run", spec->run);
	json_put(report, "backup", spec->set ? spec->set->name : NULL);
	json_put_int(report, "made_ms", clock_wall_ms());
	json_put(report, "server", rehearsal->server);
	json_put(report, "revision", spec->revision);
	json_put(report, "head", spec->migrations->head);
	json_object_set_new(report, "caged", json_boolean(rehearsal->caged));
	json_put(report, "uncaged", facts->uncaged);
	set(report, "migrations", rehearsal->migrations);
	json_put_int(report, "copy_ms", rehearsal->copy_ms);
	json_put_int(report, "migrate_ms", rehearsal->migrate_ms);
	json_put_int(report, "verify_ms", facts->verify_ms);
	json_put_int(report, "boot_ms", rehearsal->boot_ms);
	json_put_int(report, "peak_rss_kb", rehearsal->peak_rss_kb);
	json_put_int(report, "waiting_pss_kb", rehearsal->waiting_pss_kb);
	json_put_int(report, "bytes_before", rehearsal->bytes_before);
	json_put_int(report, "bytes_after", rehearsal->bytes_after);
	json_put_int(report, "peak_bytes", rehearsal->peak_bytes);
	json_put_int(report, "wal_bytes", rehearsal->work.wal_bytes);
	json_put_int(report, "checkpoints", rehearsal->work.checkpoints);
	set(report, "rows", rehearsal->rows);
	set(report, "boot_rows", facts->boot_rows);
	set(report, "answers", facts->answers);
	json_object_set_new(report, "replaced", replaced(spec->site));
	json_object_set_new(report, "disk", disk(spec, facts->live, rehearsal));
	json_object_set_new(report, "breaking", breaking(spec));
	json_object_set_new(report, "predicted", predicted(facts->prediction));
	json_put(report, "modules", rehearsal->modules);
	return report;
}

bool report_write(const ReportFacts *facts, Rehearsal *rehearsal, Err *err)
{
	AUTO(free_auto)
	char *path = report_path(facts->spec->site, facts->spec->target->version, ".json");
	AUTO(json_release_auto) json_t *report = make(facts, rehearsal);
	AUTO(free_auto) char *text = json_pretty(report);

	if (!file_write_text(path, text, 0600, err))
		return err_wrap(err, "keeping the report of the rehearsal");
	rehearsal->report = TAKE(report);
	return true;
}

static json_t *part(const json_t *report, const char *key)
{
	json_t *value = json_object_get(report, key);

	return json_is_null(value) ? NULL : json_incref(value);
}

char *rehearsal_modules(const Site *site, const char *version)
{
	AUTO(free_auto) char *path = report_path(site, version, ".modules");

	return file_exists(path) ? TAKE(path) : NULL;
}

bool rehearsal_load(
	const Site *site, const char *version, Rehearsal *ret, bool *ret_found, Err *err)
{
	AUTO(free_auto) char *path = report_path(site, version, ".json");
	AUTO(json_release_auto) json_t *report = NULL;
	AUTO(free_auto) char *text = NULL;
	const json_t *prediction;
	size_t len;

	*ret_found = false;
	if (file_kind(path) == FILE_ABSENT)
		return true;
	if (!file_read(path, REPORT_MAX, &text, &len, err) ||
		!json_parse(text, len, REPORT_MAX, &report, err))
		return err_wrap(err, "reading '%s'", path);
	prediction = json_object_get(report, "predicted");
	*ret = (Rehearsal){
		.migrations = part(report, "migrations"),
		.migrate_ms = json_int(report, "migrate_ms", 0),
		.boot_ms = json_int(report, "boot_ms", 0),
		.copy_ms = json_int(report, "copy_ms", 0),
		.peak_rss_kb = json_int(report, "peak_rss_kb", 0),
		.waiting_pss_kb = json_int(report, "waiting_pss_kb", 0),
		.bytes_before = json_int(report, "bytes_before", 0),
		.bytes_after = json_int(report, "bytes_after", 0),
		.peak_bytes = json_int(report, "peak_bytes", 0),
		.work = {json_int(report, "wal_bytes", 0), json_int(report, "checkpoints", 0)},
		.rows = part(report, "rows"),
		.dark_ms = json_int(prediction, "dark_ms", 0),
		.read_only_ms = json_int(prediction, "read_only_ms", 0),
		.caged = json_flag(report, "caged", false),
		.server = str_dup(json_str(report, "server")),
		.modules = str_dup(json_str(report, "modules")),
		.report = TAKE(report),
	};
	*ret_found = true;
	return true;
}

void rehearsal_clear(Rehearsal *rehearsal)
{
	json_decref(rehearsal->migrations);
	json_decref(rehearsal->rows);
	json_decref(rehearsal->report);
	free(rehearsal->modules);
	free(rehearsal->server);
	*rehearsal = (Rehearsal){0};
}
