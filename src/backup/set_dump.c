#include "backup/set_dump.h"

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/disk.h"
#include "os/file.h"

#define MARGIN_BYTES (64 * 1024 * 1024) /* of the disk, for everybody else */

static const json_t *about(const BackupSet *set)
{
	return json_object_get(set->manifest, "database");
}

int64_t set_dump_bytes(const BackupSet *set)
{
	const int64_t bytes = json_int(about(set), "unpacked_bytes", 0);

	return bytes > 0 ? bytes : 0;
}

bool set_dump_fits(const BackupSet *set, const char *folder)
{
	AUTO(err_clear) Err ignored = {0};
	DiskFree disk;

	return disk_free(folder, &disk, &ignored) &&
	       disk.free_bytes - MARGIN_BYTES > set_dump_bytes(set);
}

/* A place that is not there yet is asked where it will be. */
static bool has_room(const BackupSet *set, const char *folder, Err *err)
{
	if (!folder || set_dump_fits(set, folder))
		return true;
	err_fail(err, ERR_NO_SPACE,
		"there is no room in '%s' for the database of backup set '%s', %s unpacked", folder,
		set->name, str_bytes((unsigned long long)set_dump_bytes(set)));
	return err_hint(err, "make room there: df -h '%s'", folder);
}

bool set_dump_open(const BackupSet *set, const char *folder, DumpReader **ret, Err *err)
{
	const char *name = json_str(about(set), "file");
	const FileSum sum = manifest_sum(manifest_file(set->manifest, name));
	AUTO(free_auto) char *path = path_join(set->path, name);

	if (set_dump_bytes(set) == 0)
		return err_fail(err, ERR_VERIFY,
			"the manifest of backup set '%s' does not say how large its database is",
			set->name);
	return has_room(set, folder, err) &&
	       dump_reader_open(path, &sum, set_dump_bytes(set), ret, err);
}
