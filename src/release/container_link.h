/* container_link.h - what link.h promises of an environment, for a container.
 *
 * The place is the container's name, or the service of a compose project; a release there is told
 * by the id of its image. STATE/container.json (0600: it has the environment) is written before a
 * run touches anything: which run, and all that the engine said of the container then.
 *
 * Blocked, plain: the container has no restart policy and another name, NAME.belay-RUN, which it
 * keeps until its way back is given up. `docker start NAME`, a unit and a reboot find nothing.
 * Blocked, compose: the tag in the project's files is one that no image has, and the container is
 * gone, as compose itself removes it at each recreation: `docker compose up` and `start`, and a
 * reboot, find nothing to start.
 *
 * What is not hindered: `docker run` of an old image typed by hand, or `docker start` of that other
 * name. On PostgreSQL both databases' doors are shut then. */
#pragma once
#include "base/json.h"
#include "release/link.h"

bool container_link_state(const Site *site, LinkState *ret, char **ret_target, Err *err) NODISCARD;
bool container_link_block(const Site *site, const char *run, Err *err) NODISCARD;
/* A container of that image at the place, not started: the one from before, if it is of that image,
 * else a new one with the same configuration. */
bool container_link_point(const Site *site, const char *image_id, Err *err) NODISCARD;
bool container_link_release(const Site *site, const char *run, Err *err) NODISCARD;
/* Names of the containers that runs set aside, but those of `runs`; stopped ones only. */
bool container_link_kept(
	const Site *site, const StrList *runs, StrList *ret_names, Err *err) NODISCARD;
/* One of these is removed; not there: fine. */
bool container_link_drop_kept(const Site *site, const char *name, Err *err) NODISCARD;
/* Has that run begun to set the container aside, and not tidied up yet? */
bool container_link_is_of(const Site *site, const char *run);
/* What the record says of the container before its run; false: there is no record. */
bool container_link_inspected(const Site *site, json_t **ret);
/* ERR_PERSON when a volume of the container that a run has set aside is gone: what is mended there
 * would be mended in an empty folder. */
bool container_link_has_ground(const Site *site, Err *err) NODISCARD;
