#include "docker/engine_api.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_ask.h"
#include "os/proc.h"
#include "os/process_table.h"

#define LABEL "com.docker.compose."

static void read_mounts(const json_t *mounts, Container *ret)
{
	size_t index;
	json_t *mount;

	json_array_foreach(mounts, index, mount)
	{
		const char *source = json_str(mount, "Source");
		const char *destination = json_str(mount, "Destination");
		const char *name = json_str(mount, "Name");

		if (source && destination)
			strlist_addf(&ret->mounts, "%s:%s", source, destination);
		if (name && destination && str_is(json_str(mount, "Type"), "volume"))
			strlist_addf(&ret->volumes, "%s:%s", name, destination);
	}
}

static void read_strings(const json_t *array, StrList *ret)
{
	size_t index;
	json_t *item;

	json_array_foreach(array, index, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
}

static void read_ports(const json_t *ports, StrList *ret)
{
	const char *inner;
	json_t *bindings;

	json_object_foreach((json_t *)ports, inner, bindings)
	{
		size_t index;
		json_t *binding;

		json_array_foreach(bindings, index, binding)
		{
			const char *address = json_str(binding, "HostIp");
			const char *port = json_str(binding, "HostPort");

			if (!str_empty(port))
				strlist_addf(ret, "%s=%s:%s", inner,
					str_empty(address) ? "0.0.0.0" : address, port);
		}
	}
}

static void read_names_inside(const char *network, const json_t *names, StrList *ret)
{
	size_t index;
	json_t *item;

	json_array_foreach(names, index, item)
	{
		if (json_is_string(item))
			strlist_addf(ret, "%s/%s", network, json_string_value(item));
	}
}

/* An engine that forwards nothing to its containers leaves the addresses empty. */
static void read_networks(const json_t *networks, Container *ret)
{
	const char *name;
	json_t *network;

	json_object_foreach((json_t *)networks, name, network)
	{
		const char *address = json_str(network, "IPAddress");

		if (!str_empty(address)) {
			strlist_addf(&ret->networks, "%s=%s", name, address);
			if (!ret->ip) {
				ret->ip = str_dup(address);
				ret->gateway = str_dup(json_str(network, "Gateway"));
			}
		}
		/* The default network has no names. */
		if (str_is(name, "bridge"))
			continue;
		strlist_addf(&ret->names_inside, "%s/%s", name, ret->name ? ret->name : "");
		read_names_inside(name, json_object_get(network, "Aliases"), &ret->names_inside);
		read_names_inside(name, json_object_get(network, "DNSNames"), &ret->names_inside);
	}
}

static void read_labels(const json_t *labels, Container *ret)
{
	const char *one_off = json_str(labels, LABEL "oneoff");

	ret->compose_project = str_dup(json_str(labels, LABEL "project"));
	ret->compose_service = str_dup(json_str(labels, LABEL "service"));
	ret->compose_files = str_dup(json_str(labels, LABEL "project.config_files"));
	ret->compose_dir = str_dup(json_str(labels, LABEL "project.working_dir"));
	ret->one_off = one_off && (str_is(one_off, "True") || str_is(one_off, "true"));
	ret->swarm_service = str_dup(json_str(labels, "com.docker.swarm.service.name"));
}

static void read_state(const json_t *state, Container *ret)
{
	const char *status = json_str(state, "Status");
	const char *health = json_str(json_object_get(state, "Health"), "Status");

	ret->running = json_flag(state, "Running", false);
	ret->pid = ret->running ? (pid_t)json_int(state, "Pid", 0) : 0;
	ret->state = ret->running && health && !str_is(health, "none")
			     ? str_format("%s (%s)", status ? status : "running", health)
			     : str_dup(status);
}

/* A container without id or name is something else that answers at the socket. */
static bool read_container(const json_t *json, Container *ret, Err *err)
{
	const json_t *config = json_object_get(json, "Config");
	const json_t *host = json_object_get(json, "HostConfig");
	const json_t *network = json_object_get(json, "NetworkSettings");
	const char *name = json_str(json, "Name");
	const char *path = json_str(json, "Path");

	if (name && name[0] == '/')
		name++;
	if (!engine_is_name(json_str(json, "Id")) || !engine_is_name(name))
		return err_fail(err, ERR_NETWORK, "the Docker engine's answer names no container");
	ret->id = str_dup(json_str(json, "Id"));
	ret->name = str_dup(name);
	ret->image = str_dup(json_str(config, "Image"));
	ret->image_id = str_dup(json_str(json, "Image"));
	ret->dir = str_dup(json_str(config, "WorkingDir"));
	ret->restart = str_dup(json_str(json_object_get(host, "RestartPolicy"), "Name"));
	ret->network_mode = str_dup(json_str(host, "NetworkMode"));
	if (path)
		strlist_add(&ret->argv, path);
	read_strings(json_object_get(json, "Args"), &ret->argv);
	read_strings(json_object_get(config, "Env"), &ret->env);
	read_state(json_object_get(json, "State"), ret);
	read_labels(json_object_get(config, "Labels"), ret);
	read_mounts(json_object_get(json, "Mounts"), ret);
	read_ports(json_object_get(network, "Ports"), &ret->published);
	read_networks(json_object_get(network, "Networks"), ret);
	return true;
}

static bool inspect(const char *name_or_id, json_t **ret, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/%s/json", name_or_id);

	if (!engine_is_name(name_or_id))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", name_or_id);
	if (!engine_ask(path, ret, err))
		return false;
	if (*ret)
		return true;
	err_fail(err, ERR_VERIFY, "there is no container '%s'", name_or_id);
	return err_hint(err, "docker ps -a");
}

bool docker_inspect(const char *name_or_id, Container *ret, Err *err)
{
	AUTO(json_release_auto) json_t *json = NULL;

	if (!inspect(name_or_id, &json, err))
		return false;
	*ret = (Container){0};
	return read_container(json, ret, err);
}

bool docker_inspect_json(const char *name_or_id, json_t **ret, Err *err)
{
	return inspect(name_or_id, ret, err);
}

bool docker_read_inspected(const json_t *inspected, Container *ret, Err *err)
{
	*ret = (Container){0};
	return read_container(inspected, ret, err);
}

bool docker_with_label(const char *label, const char *value, StrList *ret_ids, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	size_t index;
	json_t *item;

	if (!engine_ask("/containers/json?all=1", &all, err))
		return false;
	json_array_foreach(all, index, item)
	{
		const char *id = json_str(item, "Id");

		if (engine_is_name(id) &&
			str_is(json_str(json_object_get(item, "Labels"), label), value))
			strlist_add(ret_ids, id);
	}
	return true;
}

bool docker_volume_exists(const char *name, bool *ret, Err *err)
{
	AUTO(free_auto) char *quoted = engine_quote(name);
	AUTO(free_auto) char *path = str_format("/volumes/%s", quoted);
	AUTO(json_release_auto) json_t *volume = NULL;

	if (!engine_ask(path, &volume, err))
		return false;
	*ret = volume != NULL;
	return true;
}

static int port_number(int64_t number)
{
	return number > 0 && number <= 65535 ? (int)number : 0;
}

bool docker_inspect_text(const char *name_or_id, char **ret, Err *err)
{
	AUTO(json_release_auto) json_t *json = NULL;

	if (!inspect(name_or_id, &json, err))
		return false;
	*ret = json_pretty(json);
	return true;
}

/* The container's side of a published port; 0 when it does not publish this one. */
static int inner_port(const json_t *container, int host_port)
{
	const json_t *ports = json_object_get(container, "Ports");
	size_t index;
	json_t *port;

	json_array_foreach(ports, index, port)
	{
		if (json_int(port, "PublicPort", 0) == host_port &&
			str_is(json_str(port, "Type"), "tcp"))
			return port_number(json_int(port, "PrivatePort", 0));
	}
	return 0;
}

bool docker_find_by_port(int host_port, Container *ret, bool *ret_found, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	size_t index;
	json_t *item;

	if (!engine_ask("/containers/json", &all, err))
		return false;
	json_array_foreach(all, index, item)
	{
		const int inner = inner_port(item, host_port);
		const char *id = json_str(item, "Id");

		if (inner == 0 || !id)
			continue;
		if (!docker_inspect(id, ret, err))
			return false;
		ret->published_port = host_port;
		ret->container_port = inner;
		*ret_found = true;
		return true;
	}
	*ret_found = false;
	return true;
}

/* Between the list and the question about one of it, that one was removed. */
static bool went_away(Err *err)
{
	if (err->kind != ERR_VERIFY)
		return false;
	err_clear(err);
	return true;
}

static bool list_add(ContainerList *list, const char *id, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!docker_inspect(id, &container, err))
		return went_away(err);
	list->items = mem_resize(list->items, list->len + 1, sizeof(Container));
	list->items[list->len++] = container;
	container = (Container){0};
	return true;
}

bool docker_stopped(StrList *ret_names, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	size_t index;
	json_t *item;

	if (!engine_ask("/containers/json?all=1", &all, err))
		return false;
	json_array_foreach(all, index, item)
	{
		const char *name = json_string_value(
			json_array_get(json_object_get(item, "Names"), 0));

		if (name && name[0] == '/' && !str_is(json_str(item, "State"), "running"))
			strlist_add(ret_names, name + 1);
	}
	return true;
}

/* Of which containers; NULL members: of any. */
typedef struct Which {
	bool stopped_too;
	const char *project, *service;
} Which;

/* Those of `compose run` are nobody's service. */
static bool is_meant(const json_t *item, const Which *which)
{
	const json_t *labels = json_object_get(item, "Labels");
	const char *one_off = json_str(labels, LABEL "oneoff");

	return !which->project ||
	       (str_is(json_str(labels, LABEL "project"), which->project) &&
		       (!which->service ||
			       str_is(json_str(labels, LABEL "service"), which->service)) &&
		       !(one_off && (str_is(one_off, "True") || str_is(one_off, "true"))));
}

static bool list_containers(const Which *which, ContainerList *ret, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	AUTO(container_list_clear) ContainerList list = {0};
	size_t index;
	json_t *item;

	if (!engine_ask(
		    which->stopped_too ? "/containers/json?all=1" : "/containers/json", &all, err))
		return false;
	json_array_foreach(all, index, item)
	{
		const char *id = json_str(item, "Id");

		if (id && is_meant(item, which) && !list_add(&list, id, err))
			return false;
	}
	*ret = list;
	list = (ContainerList){0};
	return true;
}

bool docker_running(ContainerList *ret, Err *err)
{
	return list_containers(&(Which){0}, ret, err);
}

bool docker_of_project(const char *project, const char *service, ContainerList *ret, Err *err)
{
	const Which which = {.stopped_too = true, .project = project, .service = service};

	return list_containers(&which, ret, err);
}

static bool reaches(const Container *from, const Container *to, const char *host)
{
	for (size_t i = 0; i < from->networks.len; i++) {
		const char *network = from->networks.items[i];
		AUTO(free_auto)
		char *name = str_format("%.*s/%s", (int)strcspn(network, "="), network, host);

		if (strlist_has(&to->names_inside, name))
			return true;
	}
	return false;
}

typedef bool Match(const void *arg, const Container *container);

/* The first running container that `match` says yes to. */
static bool find_running(Match *match, const void *arg, Container *ret, bool *ret_found, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	size_t index;
	json_t *item;

	*ret_found = false;
	if (!engine_ask("/containers/json", &all, err))
		return false;
	json_array_foreach(all, index, item)
	{
		AUTO(container_clear) Container container = {0};
		const char *id = json_str(item, "Id");

		if (!id || (!docker_inspect(id, &container, err) && went_away(err)))
			continue;
		if (err->kind != ERR_NONE)
			return false;
		if (!match(arg, &container))
			continue;
		*ret = container;
		container = (Container){0};
		*ret_found = true;
		return true;
	}
	return true;
}

typedef struct Reach {
	const Container *from;
	const char *host;
} Reach;

static bool is_reached(const void *arg, const Container *container)
{
	const Reach *reach = arg;

	return !str_is(container->id, reach->from->id) &&
	       reaches(reach->from, container, reach->host);
}

bool docker_find_by_name_inside(
	const Container *from, const char *host, Container *ret, bool *ret_found, Err *err)
{
	const Reach reach = {from, host};

	return find_running(is_reached, &reach, ret, ret_found, err);
}

static bool holds_process(const void *arg, const Container *container)
{
	return container->pid && process_is_descendant(*(const pid_t *)arg, container->pid);
}

bool docker_find_by_process(pid_t pid, Container *ret, bool *ret_found, Err *err)
{
	return find_running(holds_process, &pid, ret, ret_found, err);
}

void container_clear(Container *container)
{
	char *const texts[] = {container->id, container->name, container->image,
		container->image_id, container->state, container->dir, container->restart,
		container->network_mode, container->gateway, container->ip,
		container->compose_project, container->compose_service, container->compose_files,
		container->compose_dir, container->swarm_service};

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free(texts[i]);
	strlist_clear(&container->argv);
	strlist_clear(&container->env);
	strlist_clear(&container->mounts);
	strlist_clear(&container->volumes);
	strlist_clear(&container->published);
	strlist_clear(&container->networks);
	strlist_clear(&container->names_inside);
	*container = (Container){0};
}

void container_list_clear(ContainerList *list)
{
	for (size_t i = 0; i < list->len; i++)
		container_clear(&list->items[i]);
	free(list->items);
	*list = (ContainerList){0};
}

bool docker_exec_prefix(const char *container, bool with_password, StrList *argv, Err *err)
{
	AUTO(free_auto) char *docker = proc_find("docker", NULL);

	if (!docker) {
		err_fail(err, ERR_EXEC,
			"there is no docker program to run something in container '%s'", container);
		return err_hint(
			err, "apt install docker.io, or install the postgresql-client package");
	}
	if (!engine_is_name(container))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", container);
	strlist_add(argv, docker);
	strlist_add(argv, "exec");
	strlist_add(argv, "-i");
	if (with_password) {
		/* The name only: docker takes the value from its own environment. */
		strlist_add(argv, "-e");
		strlist_add(argv, "PGPASSWORD");
	}
	strlist_add(argv, container);
	return true;
}
