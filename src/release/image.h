/* image.h - an image of Open WebUI as a release.
 *
 * Its home is its id, never its name: names move. What checks, notes and migrations need is taken
 * out of it once, by a container that is never started, into STATE/images/ID/, together with the
 * name by which the site knows it (image.json, written last). The images of a run get a further
 * name of our own, belay.local/SITE:VERSION-ID, so that no `docker image prune` takes them. */
#pragma once
#include "base/error.h"
#include "config/site.h"
#include "docker/engine_image.h"
#include "release/release.h"

/* The site's repository with the tag of the same kind for another version. */
bool image_reference_for(const Site *site, const char *version, char **ret, Err *err) NODISCARD;
/* The image of a version: the one here, else loaded from the site's `image_file`, else pulled.
 * *ret_package_dir: where migrations and change log were taken out to. ERR_REFUSED when there is
 * none, it is for another machine, or holds another version. */
bool image_fetch(const Site *site, const char *version, char **ret_package_dir, Err *err) NODISCARD;
/* That release, with both images named as above. `current` is taken in too: it is the way back. */
bool image_build(const Site *site, const Release *current, const char *version, Release *ret,
	Err *err) NODISCARD;
/* One that was taken in, by its id; it must still be there. */
bool image_release(const Site *site, const char *id, Release *ret, Err *err) NODISCARD;
/* Takes it in: `reference` is how the site names it from now on. */
bool image_take(
	const Site *site, const char *id, const char *reference, Release *ret, Err *err) NODISCARD;
/* On this machine the name means that image, whatever it meant before: going back needs no
 * registry.
 */
bool image_name_leads_to(const char *reference, const char *id, Err *err) NODISCARD;
/* "repository@sha256:…" that a registry gave to the image in that repository; *ret NULL: none. */
bool image_pinned(const char *reference, const char *image_id, char **ret, Err *err) NODISCARD;
/* "sha256:…" that a registry gave to the image in that repository. ERR_REFUSED when it has none. */
bool image_digest_of(const char *reference, const char *image_id, char **ret, Err *err) NODISCARD;
/* Ids of what was taken in, but those in `kept`. */
bool image_unneeded(const Site *site, const StrList *kept, StrList *ret_ids, Err *err) NODISCARD;
/* Our own name for it goes, and what was taken out of it; the image goes with its last name. */
bool image_let_go(const Site *site, const char *id, Err *err) NODISCARD;
