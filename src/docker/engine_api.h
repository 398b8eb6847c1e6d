/* engine_api.h - questions to a Docker Engine over its Unix socket, and programs run in a
 * container.
 *
 * Inspection goes through the Engine API (HTTP over the socket, os/http). Running pg_dump and
 * pg_restore inside a container goes through the `docker` program with an argv of our own:
 * streaming stdin and stdout of an exec needs a hijacked connection that libcurl does not offer,
 * and a host that runs containers has the client. Passwords travel as an environment variable named
 * on the command line without its value (`docker exec -e PGPASSWORD`), never in argv. */
#pragma once
#include "base/error.h"
#include "base/list.h"

typedef struct Container {
	char *id, *name, *image;
	bool running;
	StrList env;           /* of its configuration */
	StrList mounts;        /* "source:destination" */
	char *ip;              /* in its first network; NULL */
	char *compose_project; /* NULL */
	int published_port;    /* host port asked about; 0 */
	int container_port;
} Container;

/* $DOCKER_HOST when it is a unix:// address, else /var/run/docker.sock. Caller frees. */
char *docker_socket(void);
/* false with ERR_NETWORK when no engine answers, ERR_REFUSED when the socket may not be used. */
bool docker_ping(Err *err) NODISCARD;
/* The running container that publishes this TCP port on the host; *ret_found false if none. */
bool docker_find_by_port(int host_port, Container *ret, bool *ret_found, Err *err) NODISCARD;
bool docker_inspect(
	const char *name_or_id, Container *ret, Err *err) NODISCARD; /* ERR_VERIFY: none */
void container_clear(Container *container);
/* Words to put before a command so that it runs in the container, with stdin and stdout:
 * docker exec -i [-e PGPASSWORD] NAME. ERR_EXEC when there is no docker program. */
bool docker_exec_prefix(
	const char *container, bool with_password, StrList *argv, Err *err) NODISCARD;
