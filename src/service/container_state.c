/* The server in a container: whom the engine names as its first process. */
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "docker/engine_change.h"
#include "os/file.h"
#include "release/link.h"
#include "release/site_container.h"
#include "service/service_owner.h"

#define KEY_MAX (64 * 1024)

/* *ret_found false: blocked by a run, or nobody's. */
static bool find(const Site *site, Container *ret, bool *ret_found, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	LinkState state;

	*ret_found = false;
	if (!link_state(site, &state, &target, err))
		return false;
	if (state != LINK_RELEASE)
		return state == LINK_STUB || site_container(site, ret, err);
	*ret_found = site_container(site, ret, err);
	return *ret_found;
}

bool container_state(const Site *site, ServiceState *ret, Err *err)
{
	AUTO(container_clear) Container container = {0};
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err gone = {0};
	bool found;

	if (!find(site, &container, &found, err))
		return false;
	ret->unit_state = str_dup(container.state);
	if (!container.pid || !process_read(container.pid, &process, &gone))
		return true;
	ret->pid = process.pid;
	ret->start_ticks = process.start_ticks;
	return true;
}

bool container_stop(const Site *site, Err *err)
{
	AUTO(container_clear) Container container = {0};
	bool found;

	if (!find(site, &container, &found, err))
		return false;
	return !found || docker_stop(container.id, site->stop_timeout_ms, err) ||
	       err_wrap(err, "stopping container '%s'", container.name);
}

/* The image makes itself a key where there is none, and everybody is signed out: the site's goes in
 * before its first start. */
static bool give_key(const Site *site, const Container *container, Err *err)
{
	AUTO(free_auto) char *path = container_key_path(container);
	AUTO(free_auto) char *key = NULL;
	AUTO(free_auto) char *there = NULL;

	if (site->webui.key_source != KEY_IN_FILE)
		return true;
	if (!file_read(site->webui.key_file, KEY_MAX, &key, NULL, err))
		return err_wrap(err, "reading the secret key");
	redact_add(key);
	if (!container_key(container, &there, err) || str_is(there, str_trim(key)))
		return err->kind == ERR_NONE;
	const FileInside file = {.path = path,
		.text = key,
		.uid = site->recipe.uid,
		.gid = site->recipe.gid,
		.mode = 0600};

	return docker_write_file(container->id, &file, err) ||
	       err_wrap(err, "giving the secret key to container '%s'", container->name);
}

bool container_start(const Site *site, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(site, &container, err) || !give_key(site, &container, err))
		return false;
	if (docker_start(container.id, err))
		return true;
	err->kind = ERR_EXEC;
	err_wrap(err, "starting container '%s'", container.name);
	return err_hint(err, "docker logs %s", container.name);
}
