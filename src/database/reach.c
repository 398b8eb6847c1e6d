#include "database/reach.h"

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "release/throwaway.h"

static bool of_container(const char *name, char **ret_host, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!docker_inspect(name, &container, err))
		return err_wrap(err, "the container of the database");
	if (!container.running) {
		err_fail(err, ERR_DATABASE, "container '%s' of the database is not running", name);
		return err_hint(err, "docker start %s", name);
	}
	if (!container.ip)
		return err_fail(err, ERR_REFUSED,
			"container '%s' of the database has no address that this machine reaches",
			name);
	*ret_host = TAKE(container.ip);
	return true;
}

static bool is_inside(const char *host)
{
	return str_empty(host) || host[0] == '/' || str_is(host, "localhost") ||
	       str_is(host, "::1") || str_starts(host, "127.");
}

/* While an unfinished run has set it aside, as it was. */
static bool container_of(const Site *site, Container *ret, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;

	return site_container_json(site, &inspected, err) &&
	       docker_read_inspected(inspected, ret, err);
}

bool database_reach(const Site *site, char **ret_host, Err *err)
{
	const char *host = site->database.host;
	AUTO(container_clear) Container webui = {0};

	if (!site_in_container(site) || site->database.kind != DATABASE_POSTGRES)
		return true;
	if (!container_of(site, &webui, err))
		return false;
	/* Its network is this machine's. */
	if (str_is(webui.network_mode, "host"))
		return true;
	if (str_is(host, "host.docker.internal")) {
		*ret_host = TAKE(webui.gateway);
		return true;
	}
	if (is_inside(host))
		return err_fail(err, ERR_REFUSED,
			"the database is at '%s', which is the container of Open WebUI itself",
			host ? host : "(a socket)");
	return str_empty(site->container) || of_container(site->container, ret_host, err);
}
