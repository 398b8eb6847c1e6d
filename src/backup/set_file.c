#include "backup/set_file.h"

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

static bool missing(const BackupSet *set, const char *path, const char **ret_slug, Err *err)
{
	*ret_slug = "missing-file";
	return err_fail(err, ERR_VERIFY, "'%s' is missing in backup set '%s'", path, set->name);
}

static bool check_link(
	const BackupSet *set, const json_t *file, const char *full, const char **ret_slug, Err *err)
{
	const char *path = json_str(file, "path");
	AUTO(free_auto) char *target = NULL;

	if (file_kind(full) != FILE_LINK)
		return missing(set, path, ret_slug, err);
	if (!link_read(full, &target, err))
		return false;
	if (str_is(target, json_str(file, "link")))
		return true;
	*ret_slug = "link";
	return err_fail(err, ERR_VERIFY, "'%s' in backup set '%s' was changed", path, set->name);
}

bool set_file_check(const BackupSet *set, const json_t *file, const char **ret_slug, Err *err)
{
	const char *path = json_str(file, "path");
	AUTO(free_auto) char *full = path_join(set->path, path);
	const FileSum wanted = manifest_sum(file);
	FileSum now;
	bool found;

	*ret_slug = "unreadable-file";
	if (json_str(file, "link"))
		return check_link(set, file, full, ret_slug, err);
	if (!file_sum(full, &now, &found, err))
		return false;
	if (!found)
		return missing(set, path, ret_slug, err);
	if (now.bytes != wanted.bytes) {
		*ret_slug = "size";
		return err_fail(err, ERR_VERIFY,
			"'%s' in backup set '%s' has %lld bytes instead of %lld", path, set->name,
			(long long)now.bytes, (long long)wanted.bytes);
	}
	if (str_is(now.sha256, wanted.sha256))
		return true;
	*ret_slug = "digest";
	return err_fail(err, ERR_VERIFY, "'%s' in backup set '%s' was changed: its SHA-256 differs",
		path, set->name);
}
