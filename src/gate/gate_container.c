#include "gate/gate_container.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/process_table.h"
#include "release/site_container.h"

static bool is_published(const Container *container, int port)
{
	AUTO(free_auto) char *ending = str_format(":%d", port);

	for (size_t i = 0; i < container->published.len; i++)
		if (str_ends(container->published.items[i], ending))
			return true;
	return false;
}

/* Docker's proxy holds the port, or a rule of the firewall leads there: the engine knows which. */
bool gate_container_listener(const Asking *asking, char **ret_saw, Err *err)
{
	const Site *site = asking->spec->site;
	AUTO(container_clear) Container container = {0};
	pid_t listener;

	if (!site_container(site, &container, err))
		return false;
	if (is_published(&container, site->port)) {
		*ret_saw = str_format(
			"port %d, published by container %s", site->port, container.name);
		return true;
	}
	if (!str_is(container.network_mode, "host"))
		return err_fail(err, ERR_VERIFY, "container '%s' does not publish port %d",
			container.name, site->port);
	listener = process_listening_on(site->port);
	if (listener <= 0 || !process_is_descendant(listener, container.pid))
		return err_fail(err, ERR_VERIFY, "nothing of container '%s' listens on port %d yet",
			container.name, site->port);
	*ret_saw = str_format("port %d, process %d", site->port, (int)listener);
	return true;
}

bool gate_container_release(const Asking *asking, char **ret_saw, Err *err)
{
	const Release *release = asking->spec->release;
	AUTO(container_clear) Container container = {0};

	if (!site_container(asking->spec->site, &container, err))
		return false;
	if (!str_is(container.image_id, release->path))
		return err_fail(err, ERR_VERIFY,
			"container '%s' is of image '%s', and release %s is '%s'", container.name,
			container.image_id, release->version, release->path);
	*ret_saw = str_format("image %s", release->path);
	return true;
}

/* Another container on the same data would be another server of the site. */
bool gate_container_alone(const Asking *asking, char **ret_saw, Err *err)
{
	const Site *site = asking->spec->site;
	AUTO(container_list_clear) ContainerList list = {0};
	AUTO(container_clear) Container own = {0};

	if (!site_container(site, &own, err) || !docker_running(&list, err))
		return false;
	for (size_t i = 0; i < list.len; i++) {
		const Container *other = &list.items[i];

		if (str_is(other->id, own.id))
			continue;
		for (size_t j = 0; j < other->mounts.len; j++) {
			const char *mount = other->mounts.items[j];
			AUTO(free_auto) char *source = str_dup_n(mount, strcspn(mount, ":"));

			if (path_below(site->data_dir, source))
				return err_fail(err, ERR_VERIFY,
					"container '%s' is running on the same data", other->name);
		}
	}
	*ret_saw = str_dup("no other");
	return true;
}
