#include "backup/backup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/manifest.h"
#include "backup/proof_record.h"
#include "base/event.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define PREFIX "openwebui_backup_"

/* *ret_is false: neither a set nor a dump. */
static bool read_set(const Site *site, const char *path, BackupSet *ret, bool *ret_is, Err *err)
{
	json_t *manifest = NULL;
	const json_t *proven;

	*ret_is = false;
	if (!manifest_read(path, &manifest, err))
		return false;
	if (!manifest)
		return true;
	proven = json_object_get(manifest, "proven");
	*ret = (BackupSet){
		.path = str_dup(path),
		.name = str_dup(path_name(path)),
		.version = str_dup(json_str(manifest, "version")),
		.revision = str_dup(json_str(manifest, "revision")),
		.made_ms = json_int(manifest, "made_at_ms", 0),
		.bytes = manifest_bytes(manifest),
		.proven = json_is_object(proven),
		.proven_ms = json_int(proven, "at_ms", 0),
		.foreign = !str_is(json_str(manifest, "site"), site->name),
		.manifest = manifest,
	};
	*ret_is = true;
	return true;
}

static bool read_dump(const Site *site, const char *path, BackupSet *ret)
{
	AUTO(json_release_auto) json_t *record = NULL;
	const json_t *proven;
	struct stat file;

	if (lstat(path, &file) != 0 || !S_ISREG(file.st_mode))
		return false;
	proof_record_read(site, path, &record);
	proven = json_object_get(record, "proven");
	*ret = (BackupSet){
		.path = str_dup(path),
		.name = str_dup(path_name(path)),
		.made_ms = (int64_t)file.st_mtim.tv_sec * 1000,
		.bytes = file.st_size,
		.revision = str_dup(json_str(record, "revision")),
		.proven = json_is_object(proven),
		.proven_ms = json_int(proven, "at_ms", 0),
		.foreign = true,
	};
	return true;
}

static bool read_any(const Site *site, const char *path, BackupSet *ret, bool *ret_is, Err *err)
{
	*ret_is = false;
	switch (file_kind(path)) {
	case FILE_FOLDER:
		return read_set(site, path, ret, ret_is, err);
	case FILE_REGULAR:
		*ret_is = str_ends(path, ".dump") && read_dump(site, path, ret);
		return true;
	default:
		return true;
	}
}

static int newest_first(const void *a, const void *b)
{
	const BackupSet *one = a, *other = b;

	if (one->made_ms != other->made_ms)
		return one->made_ms < other->made_ms ? 1 : -1;
	return strcmp(other->name, one->name);
}

/* A damaged set does not hide the others: it is named and left out. */
static void list_add(const Site *site, const char *path, BackupList *list)
{
	AUTO(err_clear) Err broken = {0};
	BackupSet set;
	bool is_one;

	if (!read_any(site, path, &set, &is_one, &broken)) {
		event_warn_err("damaged-backup", &broken);
		return;
	}
	if (!is_one)
		return;
	list->items = mem_resize(list->items, list->len + 1, sizeof(*list->items));
	list->items[list->len++] = set;
}

bool backup_list(const Site *site, BackupList *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	BackupList list = {0};

	if (file_exists(site->backup_dir) && !dir_list(site->backup_dir, &names, err))
		return err_wrap(err, "listing the backups");
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(site->backup_dir, names.items[i]);

		if (str_starts(names.items[i], PREFIX))
			list_add(site, path, &list);
	}
	if (list.len > 0)
		qsort(list.items, list.len, sizeof(*list.items), newest_first);
	*ret = list;
	return true;
}

bool backup_find(const Site *site, const char *name_or_path, BackupSet *ret, Err *err)
{
	AUTO(free_auto)
	char *path = strchr(name_or_path, '/') ? str_dup(name_or_path)
					       : path_join(site->backup_dir, name_or_path);
	size_t len = strlen(path);
	bool is_one;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (!read_any(site, path, ret, &is_one, err))
		return false;
	if (is_one)
		return true;
	if (file_kind(path) == FILE_FOLDER)
		err_fail(
			err, ERR_USAGE, "'%s' is no complete backup set: it has no manifest", path);
	else
		err_fail(err, ERR_USAGE, "there is no backup set '%s'", path);
	return err_hint(err, "belay backups");
}

void backup_set_clear(BackupSet *set)
{
	free(set->path);
	free(set->name);
	free(set->version);
	free(set->revision);
	json_decref(set->manifest);
	memset(set, 0, sizeof(*set));
}

void backup_list_clear(BackupList *list)
{
	for (size_t i = 0; i < list->len; i++)
		backup_set_clear(&list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}
