#include "docker/engine_api.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/http.h"
#include "os/proc.h"

enum { ASK_MS = 10000, ANSWER_MAX = 16 << 20, REASON_MAX = 300 };

char *docker_socket(void)
{
	const char *host = getenv("DOCKER_HOST");

	if (host && str_starts(host, "unix://") && host[strlen("unix://")] == '/')
		return str_dup(host + strlen("unix://"));
	return str_dup("/var/run/docker.sock");
}

static bool check_socket(const char *socket, Err *err)
{
	if (access(socket, R_OK | W_OK) == 0)
		return true;
	if (errno != EACCES) {
		err_fail(err, ERR_NETWORK, "no Docker engine answers at '%s': %s", socket,
			strerror(errno));
		return err_hint(err, "systemctl start docker");
	}
	err_fail(err, ERR_REFUSED, "the Docker socket '%s' may not be used by this user", socket);
	return err_hint(err, "sudo usermod -aG docker $USER, and log in again");
}

/* *ret is NULL for 404. */
static bool ask(const char *path, json_t **ret, Err *err)
{
	AUTO(free_auto) char *socket = docker_socket();
	AUTO(free_auto) char *url = str_format("http://docker%s", path);
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	const HttpRequest request = {
		.url = url, .unix_socket = socket, .timeout_ms = ASK_MS, .max_bytes = ANSWER_MAX};

	if (!check_socket(socket, err))
		return false;
	if (!http_ask(&request, &answer, err))
		return err_wrap(err, "asking the Docker engine");
	if (answer.status == 404) {
		*ret = NULL;
		return true;
	}
	if (answer.status != 200)
		return err_fail(err, ERR_NETWORK, "the Docker engine answered %d: %.*s",
			answer.status, REASON_MAX, answer.body);
	if (!json_parse(answer.body, answer.length, ANSWER_MAX, ret, err))
		return err_wrap(err, "the Docker engine's answer");
	return true;
}

bool docker_ping(Err *err)
{
	AUTO(json_release_auto) json_t *version = NULL;

	if (!ask("/version", &version, err))
		return false;
	if (!json_str(version, "ApiVersion"))
		return err_fail(
			err, ERR_NETWORK, "what answers at the Docker socket is no Docker engine");
	return true;
}

static void read_mounts(const json_t *mounts, StrList *ret)
{
	size_t index;
	json_t *mount;

	json_array_foreach(mounts, index, mount)
	{
		const char *source = json_str(mount, "Source");
		const char *destination = json_str(mount, "Destination");

		if (source && destination)
			strlist_addf(ret, "%s:%s", source, destination);
	}
}

static void read_env(const json_t *env, StrList *ret)
{
	size_t index;
	json_t *item;

	json_array_foreach(env, index, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
}

static char *first_address(const json_t *networks)
{
	const char *name;
	json_t *network;

	json_object_foreach((json_t *)networks, name, network)
	{
		const char *address = json_str(network, "IPAddress");

		if (!str_empty(address))
			return str_dup(address);
	}
	return NULL;
}

static void read_container(const json_t *json, Container *ret)
{
	const json_t *config = json_object_get(json, "Config");
	const json_t *labels = json_object_get(config, "Labels");
	const char *name = json_str(json, "Name");

	ret->id = str_dup(json_str(json, "Id"));
	ret->name = str_dup(name && name[0] == '/' ? name + 1 : name);
	ret->image = str_dup(json_str(config, "Image"));
	ret->running = json_flag(json_object_get(json, "State"), "Running", false);
	ret->compose_project = str_dup(json_str(labels, "com.docker.compose.project"));
	ret->ip = first_address(
		json_object_get(json_object_get(json, "NetworkSettings"), "Networks"));
	read_env(json_object_get(config, "Env"), &ret->env);
	read_mounts(json_object_get(json, "Mounts"), &ret->mounts);
}

/* Names as Docker allows them: nothing that would be another path in the URL, or an option. */
static bool is_name(const char *name)
{
	return !str_empty(name) && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(name);
}

bool docker_inspect(const char *name_or_id, Container *ret, Err *err)
{
	AUTO(json_release_auto) json_t *json = NULL;
	AUTO(free_auto) char *path = str_format("/containers/%s/json", name_or_id);

	if (!is_name(name_or_id))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", name_or_id);
	if (!ask(path, &json, err))
		return false;
	if (!json) {
		err_fail(err, ERR_VERIFY, "there is no container '%s'", name_or_id);
		return err_hint(err, "docker ps -a");
	}
	*ret = (Container){0};
	read_container(json, ret);
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
			return (int)json_int(port, "PrivatePort", 0);
	}
	return 0;
}

bool docker_find_by_port(int host_port, Container *ret, bool *ret_found, Err *err)
{
	AUTO(json_release_auto) json_t *all = NULL;
	size_t index;
	json_t *item;

	if (!ask("/containers/json", &all, err))
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

void container_clear(Container *container)
{
	free(container->id);
	free(container->name);
	free(container->image);
	free(container->ip);
	free(container->compose_project);
	strlist_clear(&container->env);
	strlist_clear(&container->mounts);
	*container = (Container){0};
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
	if (!is_name(container))
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
