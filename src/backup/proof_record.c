#include "backup/proof_record.h"

#include <sys/stat.h>

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define RECORD_MAX (64 * 1024)

static char *record_path(const Site *site, const char *dump)
{
	AUTO(free_auto) char *below = str_format("proofs/%s.json", path_name(dump));

	return site_path(site, below);
}

static int64_t mtime_ns(const struct stat *file)
{
	return (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec;
}

void proof_record_read(const Site *site, const char *dump, json_t **ret)
{
	AUTO(free_auto) char *path = record_path(site, dump);
	AUTO(free_auto) char *text = NULL;
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(err_clear) Err ignored = {0};
	struct stat now;
	size_t len;

	*ret = NULL;
	if (file_kind(path) != FILE_REGULAR || lstat(dump, &now) != 0)
		return;
	if (!file_read(path, RECORD_MAX, &text, &len, &ignored) ||
		!json_parse(text, len, RECORD_MAX, &record, &ignored))
		return;
	if (json_int(record, "bytes", -1) == now.st_size &&
		json_int(record, "mtime_ns", -1) == mtime_ns(&now))
		*ret = TAKE(record);
}

bool proof_record_write(
	const Site *site, const char *dump, const json_t *proven, const char *revision, Err *err)
{
	AUTO(free_auto) char *path = record_path(site, dump);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(json_release_auto) json_t *record = json_object();
	AUTO(free_auto) char *text = NULL;
	struct stat now;
	FileSum sum;
	bool found;

	if (lstat(dump, &now) != 0)
		return err_fail_sys(err, "'%s'", dump);
	if (!file_sum(dump, &sum, &found, err) || !dir_make(folder, 0700, err))
		return false;
	json_put_int(record, "bytes", now.st_size);
	json_put_int(record, "mtime_ns", mtime_ns(&now));
	json_put(record, "sha256", found ? sum.sha256 : NULL);
	json_put(record, "revision", revision);
	json_object_set(record, "proven", (json_t *)proven);
	text = json_pretty(record);
	return file_write_text(path, text, 0600, err);
}

bool proof_record_forget(const Site *site, const char *dump, Err *err)
{
	AUTO(free_auto) char *path = record_path(site, dump);

	return file_remove(path, err);
}
