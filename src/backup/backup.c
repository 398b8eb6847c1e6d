#include "backup/backup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backup/container_parts.h"
#include "backup/dump_stream.h"
#include "backup/files.h"
#include "backup/manifest.h"
#include "backup/restore_md.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/background.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/build.h"

#define SMALL_FILE_MAX   (4 * 1024 * 1024)
#define PROGRESS_EACH_MS 500

typedef struct Making {
	const Site *site;
	Database *db;
	const Release *release;
	const char *run, *step;
	int64_t now_ms;
	char *path;
	json_t *manifest, *files;
	DumpFigures figures;
	DatabaseAbout about;
	char *how;
	DumpWriter *writer;
	Pace pace;
	char *live_key; /* that only a file in the container holds; NULL */
	int64_t said_ms;
} Making;

static void making_clear(Making *making)
{
	free(making->path);
	free(making->how);
	free(making->live_key);
	json_decref(making->manifest);
	dump_figures_clear(&making->figures);
	database_about_clear(&making->about);
	dump_writer_free(making->writer);
}

/* openwebui_backup_%Y%m%d_%H%M%S, as the dumps made by hand are named; two in one second get the
 * next. */
char *backup_new_name(const Site *site)
{
	for (int64_t at = clock_wall_ms();; at += 1000) {
		AUTO(free_auto) char *stamp = clock_compact(at);
		AUTO(free_auto) char *name = NULL;
		AUTO(free_auto) char *path = NULL;

		if (strlen(stamp) > 8)
			stamp[8] = '_';
		name = str_format("openwebui_backup_%s", stamp);
		path = path_join(site->backup_dir, name);
		if (file_kind(path) == FILE_ABSENT)
			return TAKE(name);
	}
}

static bool make_folder(Making *making, const char *name, Err *err)
{
	AUTO(free_auto) char *own = name ? str_dup(name) : backup_new_name(making->site);

	making->path = path_join(making->site->backup_dir, own);
	return dir_make(making->site->backup_dir, 0700, err) && dir_make(making->path, 0700, err);
}

static bool add_small(Making *making, const char *name, const char *data, size_t len, Err *err)
{
	AUTO(free_auto) char *path = path_join(making->path, name);
	FileSum sum = {.bytes = (int64_t)len};

	if (!file_write(path, data, len, 0600, err))
		return false;
	sha256_of(data, len, sum.sha256);
	json_array_append_new(
		making->files, manifest_file_new(name, &sum, clock_wall_ms() * 1000000, 0600));
	return true;
}

static bool add_copy_of(Making *making, const char *name, const char *from, Err *err)
{
	AUTO(free_auto) char *data = NULL;
	size_t len;

	return file_read(from, SMALL_FILE_MAX, &data, &len, err) &&
	       add_small(making, name, data, len, err);
}

static bool take_dump(void *arg, const void *bytes, size_t len, Err *err)
{
	Making *making = arg;
	const int64_t now = clock_mono_ms();

	if (!dump_writer_add(making->writer, bytes, len, err) ||
		!pace_pass(&making->pace, (int64_t)len, err))
		return false;
	if (now - making->said_ms < PROGRESS_EACH_MS)
		return true;
	making->said_ms = now;
	event_progress(making->step, dump_writer_taken(making->writer), making->about.bytes,
		"dumping the database");
	return true;
}

/* The revision too is the one of the snapshot: a migration may have ended meanwhile. */
static void add_figures(Making *making, json_t *about)
{
	const json_t *revision = json_object_get(making->figures.shape, "revision");

	json_object_set(about, "tables", making->figures.tables);
	json_object_set(about, "shape", making->figures.shape);
	json_object_set(about, "sequences_after", making->figures.sequences_after);
	json_put(making->manifest, "revision",
		json_array_size(revision) == 1 ? json_string_value(json_array_get(revision, 0))
					       : NULL);
}

static bool add_database(Making *making, Err *err)
{
	const bool sqlite = database_is_sqlite(making->db);
	const char *name = sqlite ? "webui.db.zst" : "database.dump.zst";
	AUTO(free_auto) char *path = path_join(making->path, name);
	json_t *about = json_object();
	FileSum sum;

	json_object_set_new(making->manifest, "database", about);
	if (!database_about(making->db, &making->about, err))
		return false;
	event_progress(making->step, 0, making->about.bytes, "dumping the database");
	if (!dump_writer_open(path, &making->writer, err) ||
		!database_dump(
			making->db, take_dump, making, &making->figures, &making->how, err) ||
		!dump_writer_finish(making->writer, &sum, err))
		return false;
	json_put(about, "kind", sqlite ? "sqlite" : "postgres");
	json_put(about, "server", making->about.server);
	json_put(about, "name", making->about.name);
	json_put(about, "how", making->how);
	json_put(about, "file", name);
	json_put_int(about, "unpacked_bytes", dump_writer_taken(making->writer));
	json_array_append_new(
		making->files, manifest_file_new(name, &sum, clock_wall_ms() * 1000000, 0600));
	add_figures(making, about);
	return true;
}

static bool previous_set(Making *making, BackupList *list, const BackupSet **ret, Err *err)
{
	*ret = NULL;
	if (!backup_list(making->site, list, err))
		return false;
	for (size_t i = 0; i < list->len && !*ret; i++)
		if (!list->items[i].foreign)
			*ret = &list->items[i];
	return true;
}

static bool add_files(Making *making, Err *err)
{
	AUTO(backup_list_clear) BackupList list = {0};
	const BackupSet *previous;

	if (!previous_set(making, &list, &previous, err))
		return false;
	FilesCopy copy = {
		.data_dir = making->site->webui.data_dir,
		.set = making->path,
		.previous = previous ? previous->path : NULL,
		.previous_files = previous ? json_object_get(previous->manifest, "files") : NULL,
		.step = making->step,
		.pace = &making->pace,
		.files = making->files,
	};
	if (!copy.data_dir)
		return true;
	/* Uploads after the database: a file that a row names is there, one without a row does no
	 * harm. */
	if (!files_copy(&copy, "uploads", err) || !files_copy(&copy, "vector_db", err))
		return false;
	json_put(making->manifest, "data_dir", copy.data_dir);
	json_put_int(making->manifest, "files_copied", copy.copied);
	json_put_int(making->manifest, "files_linked", copy.linked);
	return true;
}

static bool add_key(Making *making, Err *err)
{
	const WebuiEnv *webui = &making->site->webui;
	const char *key;

	if (making->live_key)
		return add_small(
			making, "secret_key", making->live_key, strlen(making->live_key), err);
	if (webui->key_source == KEY_IN_FILE && webui->key_file)
		return add_copy_of(making, "secret_key", webui->key_file, err);
	key = env_get(&webui->merged, "WEBUI_SECRET_KEY");
	return !key || add_small(making, "secret_key", key, strlen(key), err);
}

/* bash exports functions under names that no shell can assign to. */
static bool name_is_plain(const char *entry)
{
	return entry[strspn(entry,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '=';
}

/* In the form of shell assignments, so that `. ./environment` brings it back as it was. */
static bool add_environment(Making *making, Err *err)
{
	/* Those of a container have paths inside it. */
	const StrList *env = site_in_container(making->site) ? &making->site->recipe.env
							     : &making->site->webui.merged;
	AUTO(text_clear) Text out = TEXT_INIT(SMALL_FILE_MAX);

	for (size_t i = 0; i < env->len; i++) {
		const char *entry = env->items[i];
		AUTO(free_auto) char *value = NULL;

		if (!name_is_plain(entry))
			continue;
		value = shell_word(strchr(entry, '=') + 1);
		text_addf(&out, "%.*s=%s\n", (int)strcspn(entry, "="), entry, value);
	}
	return add_small(making, "environment", out.data ? out.data : "", out.len, err);
}

static bool add_packages(Making *making, Err *err)
{
	AUTO(strlist_clear) StrList packages = {0};
	AUTO(free_auto) char *text = NULL;

	if (!release_freeze(making->release, &packages, err))
		return false;
	strlist_add(&packages, ""); /* ends the last line */
	text = strlist_join(&packages, "\n");
	return add_small(making, "packages.txt", text, strlen(text), err);
}

static bool add_part(void *arg, const char *name, const char *text, Err *err)
{
	return add_small(arg, name, text, strlen(text), err);
}

/* The release of a container is an image; what it takes to make the container anew is saved. */
static bool add_container(Making *making, Err *err)
{
	return container_parts(
		making->site, making->manifest, add_part, making, &making->live_key, err);
}

static bool add_recipe(Making *making, Err *err)
{
	AUTO(free_auto) char *path = path_join(making->path, "start.json");
	FileSum sum;
	bool found;

	if (!recipe_save(path, &making->site->recipe, err) || !file_sum(path, &sum, &found, err))
		return false;
	if (!found)
		return err_fail(err, ERR_VERIFY, "'%s' is not there", path);
	json_array_append_new(making->files,
		manifest_file_new("start.json", &sum, clock_wall_ms() * 1000000, 0600));
	return true;
}

static bool add_settings(Making *making, Err *err)
{
	const char *dotenv = making->site->webui.env_file;

	event_progress(making->step, 0, 0, "saving key, settings and package list");
	if (site_in_container(making->site) ? !add_container(making, err)
					    : !add_packages(making, err))
		return false;
	return add_key(making, err) && add_environment(making, err) &&
	       (!dotenv || add_copy_of(making, "dotenv", dotenv, err)) && add_recipe(making, err);
}

static void describe(Making *making)
{
	AUTO(free_auto) char *readable = clock_readable(making->now_ms);
	json_t *manifest = making->manifest;

	json_put_int(manifest, "schema", MANIFEST_SCHEMA);
	json_put(manifest, "name", path_name(making->path));
	json_put(manifest, "site", making->site->name);
	json_put(manifest, "run", making->run);
	json_put(manifest, "belay", BELAY_VERSION);
	json_put_int(manifest, "made_at_ms", making->now_ms);
	json_put(manifest, "made_at", readable);
	json_put(manifest, "version", making->release->version);
	json_put(manifest, "revision", NULL);
	json_put(manifest, "python", making->release->python_version);
}

static bool add_guide(Making *making, Err *err)
{
	AUTO(free_auto) char *text = restore_md(making->site, making->manifest, making->path);

	return add_small(making, "RESTORE.md", text, strlen(text), err);
}

/* The manifest vouches for every file, so all of them are on disk before it is. */
static bool seal(Making *making, Err *err)
{
	AUTO(close_auto) int fd = open(making->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) != 0)
		return err_fail_sys(err, "cannot sync '%s'", making->path);
	json_object_set(making->manifest, "files", making->files);
	json_object_set_new(making->manifest, "proven", json_null());
	return manifest_write(making->path, making->manifest, err);
}

static bool fill(void *arg, Err *err)
{
	Making *making = arg;

	making->manifest = json_object();
	making->files = json_array();
	json_object_set_new(making->manifest, "files", making->files);
	describe(making);
	return add_database(making, err) && add_files(making, err) && add_settings(making, err) &&
	       add_guide(making, err) && seal(making, err);
}

bool backup_make(const Site *site, Database *db, const Release *release, const char *run,
	const char *step, const char *name, BackupSet *ret, Err *err)
{
	AUTO(making_clear)
	Making making = {.site = site,
		.db = db,
		.release = release,
		.run = run,
		.step = step,
		.pace = {.bytes_per_s = site->limit_rate},
		.now_ms = clock_wall_ms()};
	AUTO(err_clear) Err ignored = {0};

	if (!make_folder(&making, name, err))
		return err_wrap(err, "making a backup set");
	if (!background_run(fill, &making, err)) {
		/* Without a manifest it counts for nothing and would only take room. */
		if (!tree_remove(making.path, &ignored))
			event_warn_err("backup-leftover", &ignored);
		return err_wrap(err, "making a backup set");
	}
	return backup_find(site, making.path, ret, err);
}
