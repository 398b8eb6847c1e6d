/* container_config.h - the configuration of a container, to make the same one of another image.
 *
 * What the engine says of a container is mixed with what came from its image: that part is taken
 * away, so that the next image's own comes in. Volumes that have no name the container keeps too:
 * the engine would silently make new, empty ones. */
#pragma once
#include "base/error.h"
#include "base/json.h"

/* `inspected`: all that the engine says of the container; `image`: Config of the image it was made
 * of, NULL when that image is gone. *ret: for docker_create(); *ret_networks: {name: endpoint} to
 * connect it with afterwards. New references. */
void container_config_of(const json_t *inspected, const json_t *image, const char *reference,
	json_t **ret, json_t **ret_networks);
/* Environment of the container without what its image brings: ["NAME=value", …]. New reference. */
json_t *container_own_env(const json_t *inspected, const json_t *image);
