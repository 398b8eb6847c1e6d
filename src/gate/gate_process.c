#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_container.h"
#include "os/file.h"
#include "os/process_table.h"
#include "service/server_process.h"

#define MODULES_MAX 20000

bool gate_process(const Asking *asking, char **ret_saw, Err *err)
{
	if (!asking->state.pid)
		return err_fail(err, ERR_VERIFY, "no server of this site is running");
	*ret_saw = process_describe(asking->state.pid);
	return true;
}

bool gate_listener(const Asking *asking, char **ret_saw, Err *err)
{
	const int port = asking->spec->site->port;
	pid_t listener;

	if (site_in_container(asking->spec->site))
		return gate_container_listener(asking, ret_saw, err);
	listener = process_listening_on(port);
	if (listener == 0)
		return err_fail(err, ERR_VERIFY, "nothing listens on port %d yet", port);
	/* Not root, and the server is another user's: the socket's owner may not be seen. */
	if (listener < 0 && asking->state.pid && asking->spec->site->service == SERVICE_SYSTEMD) {
		*ret_saw = str_format("port %d, by a process that may not be seen", port);
		return true;
	}
	if (listener < 0 || !process_is_descendant(listener, asking->state.pid))
		return err_fail(err, ERR_VERIFY,
			"port %d belongs to process %d, not to the server %d", port, (int)listener,
			(int)asking->state.pid);
	*ret_saw = str_format("port %d, process %d", port, (int)listener);
	return true;
}

/* In a venv /proc/PID/exe is the base Python; what the process imported tells where it runs from.
 */
static bool modules_of(const Release *release, pid_t pid, size_t *count, Err *err)
{
	AUTO(strlist_clear) StrList modules = {0};

	if (!process_maps(pid, ".so", MODULES_MAX, &modules, err))
		return false;
	for (size_t i = 0; i < modules.len; i++) {
		if (!strstr(modules.items[i], "/site-packages/"))
			continue;
		(*count)++;
		if (!path_below(modules.items[i], release->path))
			return err_fail(err, ERR_VERIFY,
				"process %d has loaded '%s', which is not of release %s in '%s'",
				(int)pid, modules.items[i], release->version, release->path);
	}
	return true;
}

/* No compiled module at all: then the place of its interpreter has to do. */
static bool interpreter_of(const Release *release, pid_t pid, Err *err)
{
	AUTO(process_clear) Process process = {0};
	AUTO(free_auto) char *path = NULL;
	AUTO(free_auto) char *folder = NULL;
	AUTO(free_auto) char *real = NULL;

	if (!process_read(pid, &process, err))
		return false;
	path = path_join(
		process.dir ? process.dir : "/", process.argv.len ? process.argv.items[0] : "");
	if (process.argv.len && process.argv.items[0][0] == '/')
		str_replace(&path, process.argv.items[0]);
	folder = path_folder(path);
	real = path_real(folder);
	if (real && path_below(real, release->path))
		return true;
	return err_fail(err, ERR_VERIFY, "process %d runs '%s', which is not of release %s in '%s'",
		(int)pid, path, release->version, release->path);
}

bool gate_release(const Asking *asking, char **ret_saw, Err *err)
{
	const Release *release = asking->spec->release;
	const pid_t root = asking->state.pid;
	pid_t listener;
	size_t count = 0;

	if (site_in_container(asking->spec->site))
		return gate_container_release(asking, ret_saw, err);
	listener = process_listening_on(asking->spec->site->port);
	if (!modules_of(release, root, &count, err))
		return false;
	if (listener > 0 && listener != root && !modules_of(release, listener, &count, err))
		return false;
	if (!count && !interpreter_of(release, root, err))
		return false;
	*ret_saw = str_format("%zu modules from %s", count, release->path);
	return true;
}

typedef struct Others {
	const SiteRoots *roots;
	pid_t server;
	pid_t found;
} Others;

static bool look_for_other(void *arg, const Process *process)
{
	Others *others = arg;

	if (!process_is_webui(process) || process_is_descendant(process->pid, others->server))
		return true;
	/* Our own helpers may use several processes, too. */
	if (strlist_has(&process->argv, "--multiprocessing-fork") &&
		process_is_descendant(process->pid, getpid()))
		return true;
	if (!process_runs_from(others->roots, process))
		return true;
	others->found = process->pid;
	return false;
}

bool gate_alone(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(site_roots_clear) SiteRoots roots = {0};
	Others others = {.roots = &roots, .server = asking->state.pid};

	if (site_in_container(asking->spec->site))
		return gate_container_alone(asking, ret_saw, err);
	site_roots_of(asking->spec->site, &roots);
	process_each(look_for_other, &others);
	if (others.found) {
		AUTO(free_auto) char *is = process_describe(others.found);

		return err_fail(err, ERR_VERIFY, "another server of this site is running: %s", is);
	}
	*ret_saw = str_dup("no other");
	return true;
}
