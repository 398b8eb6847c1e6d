#include "rehearse/boot.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

#define FILES_MAX 20
#define BYTES_MAX ((int64_t)1024 * 1024) /* of each */

typedef struct Sample {
	const char *from, *to;
	int64_t files;
} Sample;

/* Open WebUI keeps uploads side by side; what lies in folders below is not its own. */
static bool take(void *arg, const TreeEntry *entry, Err *err)
{
	Sample *sample = arg;
	AUTO(free_auto) char *from = path_join(sample->from, entry->path);
	AUTO(free_auto) char *to = path_join(sample->to, entry->path);

	if (!S_ISREG(entry->mode) || entry->bytes > BYTES_MAX || strchr(entry->path, '/') ||
		sample->files >= FILES_MAX)
		return true;
	sample->files++;
	return file_copy(from, to, 0644, err);
}

bool boot_uploads(const BootSpec *spec, int64_t *ret_files, Err *err)
{
	const RehearsalSpec *rehearsal = spec->rehearsal;
	const Recipe *recipe = &rehearsal->site->recipe;
	AUTO(free_auto)
	char *from = rehearsal->set ? path_join(rehearsal->set->path, "files/uploads") : NULL;
	AUTO(free_auto) char *to = path_join(spec->scratch->data_dir, "uploads");
	Sample sample = {.from = from, .to = to};

	*ret_files = 0;
	if (!from || file_kind(from) != FILE_FOLDER)
		return true;
	if (!dir_make(to, 0755, err) || !tree_walk(from, take, &sample, err) ||
		(geteuid() == 0 && !tree_chown(to, recipe->uid, recipe->gid, err)))
		return err_wrap(err, "copying uploads for the rehearsal");
	*ret_files = sample.files;
	return true;
}
