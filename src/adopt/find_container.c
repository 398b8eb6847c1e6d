/* Open WebUI in a Docker container: what the engine says of it becomes the site. */
#include <string.h>

#include "adopt/look.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "compose/compose_image.h"
#include "docker/engine_address.h"
#include "os/file.h"
#include "release/site_container.h"

#define WORKDIR "/app/backend"

/* ---- which container ---- */

static bool wished_container(const Look *look)
{
	return look_wished(look, "webui_container") || look_wished(look, "compose_project");
}

static bool of_wishes(Look *look, Err *err)
{
	Site asked = look->draft;

	asked.service = look_wished(look, "compose_project") ? SERVICE_COMPOSE : SERVICE_CONTAINER;
	if (asked.service == SERVICE_COMPOSE && !asked.compose_service) {
		err_fail(err, ERR_CONFIG, "which service of project '%s' is Open WebUI?",
			asked.compose_project);
		return err_hint(err, "name it: --compose-service NAME");
	}
	/* What is not known yet cannot differ. */
	if (asked.service == SERVICE_COMPOSE && !asked.start_directory) {
		AUTO(container_list_clear) ContainerList list = {0};

		if (!docker_of_project(asked.compose_project, asked.compose_service, &list, err))
			return false;
		asked.start_directory = list.len ? list.items[0].compose_dir : NULL;
		return site_container(&asked, &look->container, err);
	}
	return site_container(&asked, &look->container, err);
}

static bool of_process(Look *look, Err *err)
{
	const int pid = (int)look->process.pid;
	const char *other = server_container_kind(look->process.cgroup);
	AUTO(engine_address_clear) EngineAddress address = {0};
	bool found = false;

	if (other) {
		err_fail(err, ERR_REFUSED,
			"the Open WebUI of process %d runs in a container of %s, which is not "
			"handled: only Docker Engine is",
			pid, other);
		return err_hint(err, "belay upgrades Open WebUI in Docker, or installed with pip "
				     "or uv");
	}
	if (!engine_address(&address, err) || !docker_is_ordinary(err) ||
		!docker_find_by_process(look->process.pid, &look->container, &found, err))
		return err_wrap(err, "the Open WebUI of process %d runs in a container", pid);
	if (found)
		return true;
	err_fail(err, ERR_REFUSED,
		"the Open WebUI of process %d runs in a container that the Docker engine at '%s' "
		"does not know",
		pid, address.host);
	return err_hint(err, "name the socket of its engine: DOCKER_HOST=unix:///… belay adopt");
}

bool find_container(Look *look, Err *err)
{
	if (wished_container(look))
		return docker_is_ordinary(err) && of_wishes(look, err) &&
		       docker_is_here(&look->container, err);
	return of_process(look, err);
}

/* ---- what it is ---- */

static bool check_kind(const Container *container, Err *err)
{
	if (container->swarm_service) {
		err_fail(err, ERR_REFUSED,
			"container '%s' is a task of the swarm service '%s', which is not handled",
			container->name, container->swarm_service);
		return err_hint(err, "belay handles `docker compose` and `docker run`");
	}
	if (container->one_off) {
		err_fail(err, ERR_REFUSED, "container '%s' was made by `docker compose run`",
			container->name);
		return err_hint(err, "docker compose up -d %s", container->compose_service);
	}
	return container_has_own_network(container, err);
}

/* Replicas, and a second project of the same name, are refused by site_container(). */
static bool check_alone(Look *look, Err *err)
{
	AUTO(container_clear) Container again = {0};

	if (look->draft.service != SERVICE_COMPOSE)
		return true;
	return site_container(&look->draft, &again, err);
}

static bool describe_owner(Look *look, Err *err)
{
	const Container *container = &look->container;
	const char *name = container->name;

	if (!container->compose_project || !container->compose_service)
		return look_set(look, "service", "container", err,
			       _("it has no labels of compose")) &&
		       look_set(look, "webui_container", name, err, _("name of the container"));
	if (!look_set(look, "service", "compose", err, _("labels of container '%s'"), name) ||
		!look_set(look, "compose_project", container->compose_project, err,
			_("labels of container '%s'"), name) ||
		!look_set(look, "compose_service", container->compose_service, err,
			_("labels of container '%s'"), name))
		return false;
	if (container->compose_files && !look_set(look, "compose_files", container->compose_files,
						err, _("labels of container '%s'"), name))
		return false;
	return !container->compose_dir || look_set(look, "start_directory", container->compose_dir,
						  err, _("labels of container '%s'"), name);
}

static bool check_wished_port(const Look *look, Err *err)
{
	const Container *container = &look->container;
	AUTO(free_auto) char *ending = str_format(":%d", look->draft.port);

	for (size_t i = 0; i < container->published.len; i++)
		if (str_ends(container->published.items[i], ending))
			return true;
	return look_wished(look, "host") || str_is(container->network_mode, "host") ||
	       err_fail(err, ERR_REFUSED, "container '%s' does not publish port %d",
		       container->name, look->draft.port);
}

/* Where the gate will ask. */
static bool describe_port(Look *look, Err *err)
{
	const Container *container = &look->container;
	const char *inner = env_get(&container->env, "PORT");
	AUTO(free_auto) char *wanted = str_format("%s/tcp=", str_empty(inner) ? "8080" : inner);

	if (look_wished(look, "port"))
		return check_wished_port(look, err);
	if (str_is(container->network_mode, "host"))
		return look_set(look, "port", str_empty(inner) ? "8080" : inner, err,
			_("the container has the network of this machine"));
	for (size_t i = 0; i < container->published.len; i++) {
		const char *entry = container->published.items[i];
		const char *colon = strrchr(entry, ':');

		if (!str_starts(entry, wanted) || !colon)
			continue;
		AUTO(free_auto)
		char *address = str_dup_n(
			entry + strlen(wanted), (size_t)(colon - entry) - strlen(wanted));
		return look_set(look, "port", colon + 1, err, _("published by container '%s'"),
			       container->name) &&
		       look_set(look, "host", address, err, _("published by container '%s'"),
			       container->name);
	}
	if (look_wished(look, "host"))
		return true; /* somebody who knows of a way that the engine does not */
	err_fail(err, ERR_REFUSED,
		"container '%s' publishes no port: belay could not see whether it answers",
		container->name);
	return err_hint(err, "publish it on this machine alone: ports: [\"127.0.0.1:3000:8080\"]");
}

/* Without a mount of its own the data is in the container's own layer, and goes with it. */
static const char *mount_of(const Container *container, const char *path, char **ret_outside)
{
	const char *best = NULL;

	for (size_t i = 0; i < container->mounts.len; i++) {
		const char *colon = strrchr(container->mounts.items[i], ':');

		if (!path_below(path, colon + 1) || (best && strlen(colon) < strlen(best)))
			continue;
		best = colon;
		free(*ret_outside);
		*ret_outside = str_format("%.*s%s", (int)(colon - container->mounts.items[i]),
			container->mounts.items[i], path + strlen(colon + 1));
	}
	return best ? best + 1 : NULL;
}

/* Volumes are root's; and an engine in a virtual machine (Docker Desktop) has paths of its own. */
static bool check_seen(const char *outside, Err *err)
{
	if (access(outside, R_OK | W_OK | X_OK) == 0)
		return true;
	if (errno == EACCES) {
		err_fail(err, ERR_REFUSED,
			"the data of the container, '%s', is closed to this user", outside);
		return err_hint(err, "sudo belay adopt");
	}
	err_fail_sys(err, "the data of the container, '%s', is not on this machine", outside);
	err->kind = ERR_REFUSED;
	return err_hint(err, "run belay on the machine where the Docker engine has its volumes");
}

static bool describe_data(Look *look, Err *err)
{
	const Container *container = &look->container;
	AUTO(free_auto)
	char *inside = site_data_inside(&container->env, container->dir ? container->dir : WORKDIR);
	AUTO(free_auto) char *outside = NULL;
	const char *mount = mount_of(container, inside, &outside);

	if (!mount) {
		err_fail(err, ERR_REFUSED,
			"the data '%s' of container '%s' lies in no volume: it would be lost with "
			"the container",
			inside, container->name);
		return err_hint(err,
			"docker cp %s:%s DIR, then recreate the container with -v DIR:%s",
			container->name, inside, inside);
	}
	if (!check_seen(outside, err))
		return false;
	for (size_t i = 0; i < container->volumes.len; i++) {
		const char *colon = strrchr(container->volumes.items[i], ':');

		if (str_is(colon + 1, mount))
			return look_set(look, "data_dir", outside, err,
				_("volume '%.*s', mounted at '%s'"),
				(int)(colon - container->volumes.items[i]),
				container->volumes.items[i], mount);
	}
	return look_set(look, "data_dir", outside, err, _("mounted at '%s'"), mount);
}

static bool describe_image(Look *look, Err *err)
{
	const Container *container = &look->container;
	AUTO(free_auto) char *version = NULL;
	AUTO(free_auto) char *networks = strlist_join(&container->networks, ", ");

	if (!container_version(container, &version, err))
		return false;
	look_note(look, "state", container->state, _("container '%s', by the Docker engine"),
		container->name);
	look_note(look, "image", container->image, "%s", container->image_id);
	look_note(look, "version", version, _("'package.json' in container '%s'"), container->name);
	look_note(look, "restart", container->restart, _("restart policy of container '%s'"),
		container->name);
	look_note(look, "networks", str_is(container->network_mode, "host") ? "host" : networks,
		_("networks of container '%s'"), container->name);
	return true;
}

/* What an upgrade will change, or why it could not. */
static void note_tag(Look *look)
{
	const Site *draft = &look->draft;
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(err_clear) Err why = {0};
	AUTO(free_auto) char *tag = NULL;

	if (draft->service != SERVICE_COMPOSE || !draft->compose_files)
		return;
	if (!compose_image_read(draft->compose_files, draft->start_directory,
		    draft->compose_service, &image, &why)) {
		look_note(
			look, "image-tag", "", _("unknown: %s"), why.local ? why.local : why.text);
		return;
	}
	tag = compose_tag_for(image.tag, "0.0.0");
	if (!compose_image_plan(draft->compose_files, draft->start_directory,
		    draft->compose_service, tag, image.digest, &edit, &why))
		look_note(look, "image-tag", image.tag, "%s", why.local ? why.local : why.text);
	else if (edit.variable)
		look_note(look, "image-tag", image.tag, _("variable %s in '%s', line %d"),
			edit.variable, edit.file, edit.line);
	else
		look_note(look, "image-tag", image.tag, _("'%s', line %d"), edit.file, edit.line);
}

bool describe_container(Look *look, Err *err)
{
	const Container *container = &look->container;

	if (!check_kind(container, err) || !describe_image(look, err) ||
		!describe_owner(look, err) || !check_alone(look, err) ||
		!describe_port(look, err) || !describe_data(look, err))
		return false;
	note_tag(look);
	recipe_clear(&look->draft.recipe);
	container_recipe(container, &look->draft.recipe);
	return true;
}

/* ---- the secret key ---- */

bool find_container_key(Look *look, Err *err)
{
	const Container *container = &look->container;
	AUTO(free_auto) char *path = container_key_path(container);
	AUTO(free_auto) char *outside = NULL;
	AUTO(free_auto) char *key = NULL;
	Site *site = &look->out->site;

	if (site->webui.key_source != KEY_NONE)
		return true;
	if (!container_key(container, &key, err))
		return false;
	if (!key)
		return true;
	look->out->secret_key = TAKE(key);
	site->secret_key_file = site_path(site, "webui_secret_key");
	site->webui.key_source = KEY_IN_FILE;
	if (mount_of(container, path, &outside))
		look_note(look, "secret-key", outside, _("'%s' in container '%s'"), path,
			container->name);
	else
		look_note(look, "secret-key", path,
			_("only in container '%s', and goes with it: adopt keeps it in '%s'"),
			container->name, site->secret_key_file);
	return true;
}
