/* engine_api.h - questions to a Docker Engine, and programs run in a container.
 *
 * Inspection goes through the Engine API (HTTP, os/http) at engine_address.h, which every question
 * below is refused by where it is none that may be asked. Running pg_dump and
 * pg_restore inside a container goes through the `docker` program with an argv of our own:
 * streaming stdin and stdout of an exec needs a hijacked connection that libcurl does not offer,
 * and a host that runs containers has the client. Passwords travel as an environment variable named
 * on the command line without its value (`docker exec -e PGPASSWORD`), never in argv. */
#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "base/list.h"

typedef struct Container {
	char *id, *name;
	char *image;    /* as it was named: "ghcr.io/open-webui/open-webui:v0.7.2" */
	char *image_id; /* "sha256:…" */
	bool running;
	char *state;           /* "running (healthy)", "exited", "restarting" */
	pid_t pid;             /* of its first process, as this machine sees it; 0: not running */
	StrList argv;          /* of that process */
	StrList env;           /* of its configuration */
	char *dir;             /* working directory, inside */
	char *restart;         /* policy: "no", "always", "unless-stopped", "on-failure" */
	StrList mounts;        /* "source:destination"; the source as this machine sees it */
	StrList volumes;       /* "name:destination" of those that are volumes */
	StrList published;     /* "container-port/tcp=address:port" */
	StrList networks;      /* "network=address" */
	StrList names_inside;  /* "network/name": what others call it there */
	char *network_mode;    /* "host", "bridge", "chat_default" … */
	char *gateway;         /* address of this machine in its first network; NULL */
	char *ip;              /* in its first network; NULL */
	char *compose_project; /* NULL: not made by compose; then the next four are, too */
	char *compose_service;
	char *compose_files; /* absolute paths, comma-separated */
	char *compose_dir;   /* the project's folder */
	bool one_off;        /* made by `compose run` */
	char *swarm_service; /* NULL */
	int published_port;  /* host port asked about; 0 */
	int container_port;
} Container;

typedef struct ContainerList {
	Container *items;
	size_t len;
} ContainerList;

/* false with ERR_NETWORK when no engine answers, ERR_REFUSED when the socket may not be used. */
bool docker_ping(Err *err) NODISCARD;
/* ERR_REFUSED, by name, for what answers there and is not an engine whose containers share this
 * machine's network and file systems, and users: Podman, rootless Docker, userns-remap. */
bool docker_is_ordinary(Err *err) NODISCARD;
/* ERR_REFUSED for a running container whose process is none of this machine: the address leads
 * through a tunnel or into a virtual machine. One that does not run may be from anywhere. */
bool docker_is_here(const Container *container, Err *err) NODISCARD;
/* The running container that publishes this TCP port on the host; *ret_found false if none. */
bool docker_find_by_port(int host_port, Container *ret, bool *ret_found, Err *err) NODISCARD;
bool docker_inspect(
	const char *name_or_id, Container *ret, Err *err) NODISCARD; /* ERR_VERIFY: none */
/* All that the engine says of it, as it says it (`docker inspect`). Caller frees. */
bool docker_inspect_text(const char *name_or_id, char **ret, Err *err) NODISCARD;
bool docker_inspect_json(const char *name_or_id, json_t **ret, Err *err) NODISCARD;
/* The same of what was kept of an earlier answer. */
bool docker_read_inspected(const json_t *inspected, Container *ret, Err *err) NODISCARD;
/* Containers, stopped ones too, with this label. */
bool docker_with_label(const char *label, const char *value, StrList *ret_ids, Err *err) NODISCARD;
/* The containers of a compose project, stopped ones too, without those of `compose run`. `service`
 * NULL: of all its services. */
bool docker_of_project(
	const char *project, const char *service, ContainerList *ret, Err *err) NODISCARD;
/* Names of those that do not run. */
bool docker_stopped(StrList *ret_names, Err *err) NODISCARD;
/* All that run. */
bool docker_running(ContainerList *ret, Err *err) NODISCARD;
/* The running container that a process of this machine belongs to. */
bool docker_find_by_process(pid_t pid, Container *ret, bool *ret_found, Err *err) NODISCARD;
/* The running container that `from` reaches as `host` over one of their common networks. */
bool docker_find_by_name_inside(const Container *from, const char *host, Container *ret,
	bool *ret_found, Err *err) NODISCARD;
/* One regular file of a container, running or not; *ret NULL when there is none. */
bool docker_read_file(
	const char *container, const char *path, size_t max_bytes, char **ret, Err *err) NODISCARD;
/* What it wrote last, of both streams, unmasked; at most 8 KiB. */
bool docker_log_tail(const char *container, int lines, char **ret, Err *err) NODISCARD;
bool docker_volume_exists(const char *name, bool *ret, Err *err) NODISCARD;
void container_clear(Container *container);
void container_list_clear(ContainerList *list);
/* Words to put before a command so that it runs in the container, with stdin and stdout:
 * docker exec -i [-e PGPASSWORD] NAME. ERR_EXEC when there is no docker program. */
bool docker_exec_prefix(
	const char *container, bool with_password, StrList *argv, Err *err) NODISCARD;
/* The regular files of a folder of a container, running or not, into `to`, which is made; what is
 * not a regular file is left out. *ret_found false when there is no such folder. ERR_VERIFY when
 * all of it is larger than max_bytes. */
bool docker_read_tree(const char *container, const char *path, const char *to, size_t max_bytes,
	bool *ret_found, Err *err) NODISCARD;
