/* A backup set made by somebody else: its manifest gets a good seal, its files are good and bad
 * ones (links out of it, a pipe). Restoring its files must never write outside of the data folder.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

static void link_to(const char *below, const char *target)
{
	AUTO(free_auto) char *path = fuzz_path(below);

	FUZZ_MUST(symlink(target, path) == 0);
}

/* Once: restoring a set does not change it. */
static void lay_out_set(void)
{
	static bool made;
	AUTO(free_auto) char *pipe_path = fuzz_path("backups/set/files/uploads/pipe");

	if (made)
		return;
	made = true;
	free(fuzz_file("outside/secret", "secret", 6));
	free(fuzz_file("backups/set/files/uploads/a", "hello", 5));
	free(fuzz_file("backups/set/files/uploads/below/b", "hello", 5));
	free(fuzz_file("backups/set/files/vector_db/c", "hello", 5));
	free(fuzz_file("backups/set/database.dump.zst", "hello", 5));
	link_to("backups/set/files/uploads/out", "../../../../outside");
	link_to("backups/set/files/uploads/shadow", "../../../../outside/secret");
	FUZZ_MUST(mkfifo(pipe_path, 0600) == 0);
}

static bool count_entry(void *arg, const TreeEntry *entry, Err *err UNUSED)
{
	if (!S_ISDIR(entry->mode))
		(*(size_t *)arg)++;
	return true;
}

static size_t files_in(const char *path)
{
	AUTO(err_clear) Err err = {0};
	size_t count = 0;

	FUZZ_MUST(tree_walk(path, count_entry, &count, &err));
	return count;
}

static void restore(const BackupSet *set, const Site *site)
{
	AUTO(free_auto) char *spare = fuzz_path("data/vector_db.spare");
	AUTO(free_auto) char *outside = fuzz_path("outside");
	AUTO(err_clear) Err err = {0};

	if (!backup_check_files(set, &err))
		err_clear(&err);
	if (!backup_restore_files(set, site, spare, &err))
		FUZZ_MUST(err.kind != ERR_NONE);
	FUZZ_MUST(files_in(outside) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *data = fuzz_path("data");
	AUTO(free_auto) char *place = fuzz_path("backups");
	AUTO(free_auto) char *path = fuzz_path("backups/set");
	Site site = {.name = (char *)"fuzz",
		.backup_dir = place,
		.recipe = {.uid = geteuid(), .gid = getegid()},
		.webui = {.data_dir = data}};
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(err_clear) Err err = {0};

	lay_out_set();
	fuzz_remove("data");
	FUZZ_MUST(mkdir(data, 0700) == 0);
	/* As it stands it has no good seal, and nothing must follow from it. */
	free(fuzz_file("backups/set/manifest.json", bytes, len));
	if (backup_find(&site, path, &set, &err))
		restore(&set, &site);
	err_clear(&err);
	backup_set_clear(&set);
	if (!json_parse((const char *)bytes, len, 1 << 20, &manifest, &err) ||
		!json_is_object(manifest) || !manifest_write(path, manifest, &err))
		return 0;
	if (backup_find(&site, path, &set, &err))
		restore(&set, &site);
	return 0;
}
