/* compose_link.h - the part of container_link.c that knows of compose: the tag in the project's
 * files, and the recreation by `docker compose`, by docker-compose, or by the engine alone.
 *
 * The record's "compose" says which bytes of which file are the tag, with the digest of the whole
 * file from before: so that the file is changed in these bytes only, and not at all when somebody
 * else has changed it meanwhile. */
#pragma once
#include "base/json.h"
#include "config/site.h"
#include "docker/engine_api.h"

typedef enum { COMPOSE_BEFORE, COMPOSE_BLOCKED, COMPOSE_AFTER } ComposeText;

/* Adds "compose" to the record. ERR_REFUSED where the tag cannot be changed. */
bool compose_link_plan(const Site *site, const char *run, json_t *record, Err *err) NODISCARD;
/* Adds the text for a tag and a digest, while the blocked one stands in the file. */
bool compose_link_plan_after(
	const Site *site, json_t *record, const char *tag, const char *digest, Err *err) NODISCARD;
/* One of the three texts into the file, which keeps its mode and owner. ERR_FOREIGN when it is none
 * of the three now. */
bool compose_link_write(
	const Site *site, const json_t *record, ComposeText text, Err *err) NODISCARD;
/* The text for the image, and one container of it, not started. */
bool compose_link_point(const Site *site, json_t *record, const char *image_id, Err *err) NODISCARD;

/* Would compose make the same container again, apart from its image? *ret true where that cannot be
 * told: no compose here, another version than the one that made it. */
bool compose_link_is_same(const Site *site, bool *ret, Err *err) NODISCARD;

/* container_link.c */
bool container_link_save(const Site *site, const json_t *record, Err *err) NODISCARD;
/* A container with the configuration of one that was inspected, of another image; `reference`: as
 * its configuration names that image, NULL: as the site does. It gets its name when nothing is
 * missing: before, it is half made, and counts as none. */
typedef struct ContainerPlan {
	const json_t *inspected;
	const char *name, *image_id, *reference;
} ContainerPlan;
bool container_make(const Site *site, const ContainerPlan *plan, Err *err) NODISCARD;
bool container_is_half_made(const Container *container);
/* ERR_VERIFY when a named volume of it is gone: whoever makes it again would get an empty one. */
bool container_check_volumes(const json_t *inspected, Err *err) NODISCARD;
