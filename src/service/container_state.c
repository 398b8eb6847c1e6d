/* The server in a container: whom the engine names as its first process. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_change.h"
#include "release/link.h"
#include "release/site_container.h"
#include "service/service_owner.h"

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

bool container_start(const Site *site, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(site, &container, err) || !container_give_key(site, &container, err))
		return false;
	if (docker_start(container.id, err))
		return true;
	err->kind = ERR_EXEC;
	err_wrap(err, "starting container '%s'", container.name);
	return err_hint(err, "docker logs %s", container.name);
}
