/* site_container.h - the container that Open WebUI runs in, and the version in it. It is found by
 * its name or by its compose labels at every question: it is another one after each recreation. */
#pragma once
#include "docker/engine_api.h"
#include "release/release.h"

/* ERR_VERIFY when there is none; ERR_REFUSED when the compose service has several, or another
 * project has the same name. */
bool site_container(const Site *site, Container *ret, Err *err) NODISCARD;
/* ERR_REFUSED where it is in that of another container, which goes with it. */
bool container_has_own_network(const Container *container, Err *err) NODISCARD;
/* The version that /app/package.json of the image names. ERR_VERIFY when it names none. */
bool container_version(const Container *container, char **ret, Err *err) NODISCARD;
/* Where start.sh keeps the key when no variable has one. Caller frees. */
char *container_key_path(const Container *container);
/* The key of that file, as start.sh takes it; *ret NULL when there is none. */
bool container_key(const Container *container, char **ret, Err *err) NODISCARD;
/* The site's key into a container that was not started yet, where its environment has none. */
bool container_give_key(const Site *site, const Container *container, Err *err) NODISCARD;
/* Command, environment and folder inside, and the first process. */
void container_recipe(const Container *container, Recipe *ret);
/* The recipe and all settings again, from the container as it is now: somebody may have made it
 * anew since the last look. */
bool site_container_refresh(Site *site, Err *err) NODISCARD;
/* As release_current(): the path is the id of the image; there is no Python to name. */
bool release_of_container(const Site *site, Release *ret, Err *err) NODISCARD;
