/* reach.h - how this machine reaches a database that Open WebUI reaches from inside a container. */
#pragma once
#include "config/site.h"

/* The host to connect to instead of site->database.host: the address of the database's container
 * in its network (which this machine's bridge is in), that of this machine for
 * host.docker.internal. NULL: the same host. ERR_REFUSED for what only exists in the container. */
bool database_reach(const Site *site, char **ret_host, Err *err) NODISCARD;
