/* container_parts.h - what a backup set keeps of a site in a container instead of a list of
 * packages.
 */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "config/site.h"

/* Gives to `add`: container.json (what the engine says of the container; it has the settings, with
 * secrets), create.json (what the engine makes the same one of), and of a compose project its files
 * and .env as compose-1-NAME, compose-2-NAME … Puts "image", "image_id", "image_digest", "volumes",
 * "networks" and "container" into the manifest. *ret_key: the secret key where only a file in the
 * container has it, read now; NULL: elsewhere. */
bool container_parts(const Site *site, json_t *manifest,
	bool (*add)(void *arg, const char *name, const char *text, Err *err), void *arg,
	char **ret_key, Err *err) NODISCARD;
