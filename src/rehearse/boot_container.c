/* A rehearsed start in a throw-away container: the target's image, with the command and the
 * variables of the site's container, in the network of the cage. */
#include <string.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_change.h"
#include "os/file.h"
#include "os/process_table.h"
#include "rehearse/boot.h"
#include "release/throwaway.h"

static bool environment(const BootSpec *spec, int port, StrList *ret, Err *err)
{
	Site lent = *spec->rehearsal->site;
	AUTO(strlist_clear) StrList own = {0};
	AUTO(free_auto) char *number = str_format("%d", port);

	if (!site_container_env(&lent, &own, err))
		return false;
	lent.recipe.env = own;
	if (!boot_env(&lent, spec->url, spec->scratch, ret, err))
		return false;
	env_set(ret, "HOST", "127.0.0.1");
	env_set(ret, "PORT", number);
	return true;
}

/* Its output goes where that of a server in an environment goes: into the scratch folder. */
static bool command(const BootSpec *spec, const char *log, StrList *ret, Err *err)
{
	const RehearsalSpec *rehearsal = spec->rehearsal;

	strlist_add_array(
		ret, ARGV("sh", "-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh"));
	strlist_add(ret, log);
	return site_container_words_in(rehearsal->site, rehearsal->target->path, ret, err);
}

/* The copy that the proof of the backup restored lies elsewhere. */
static void add_folders(const BootSpec *spec, StrList *ret)
{
	AUTO(free_auto) char *folder = NULL;

	strlist_add(ret, spec->scratch->folder);
	if (!database_is_sqlite(spec->rehearsal->db))
		return;
	folder = path_folder(spec->scratch->place);
	if (!path_below(folder, spec->scratch->folder))
		strlist_add(ret, folder);
}

bool boot_container(const BootSpec *spec, int port, const char *log, BootedContainer *ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};
	AUTO(strlist_clear) StrList folders = {0};
	const ThrowawaySpec throwaway = {
		.site = spec->rehearsal->site,
		.purpose = "boot",
		.image = spec->rehearsal->target->path,
		.as_service = true,
		.argv = &argv,
		.env = &env,
		.folders = &folders,
		.network = cage_container(spec->cage),
	};

	add_folders(spec, &folders);
	if (!environment(spec, port, &env, err) || !command(spec, log, &argv, err) ||
		!throwaway_make(&throwaway, &ret->id, err) ||
		!throwaway_start(ret->id, &ret->pid, err))
		return false;
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	return ret->pidfd >= 0 || err_fail_sys(err, "watching a container");
}
