/* image_get.h - an image onto this machine. */
#pragma once
#include "config/site.h"
#include "docker/engine_image.h"

/* Here already; else loaded from the site's image_file; else pulled with the operator's own docker
 * login, while the old one serves. */
bool image_get(const Site *site, const char *reference, DockerImage *ret, Err *err) NODISCARD;
/* "repository:tag" of another tag in the same repository; a digest is left out. Caller frees. */
char *image_with_tag(const char *reference, const char *tag);
/* The tag of a reference; NULL: none. Caller frees. */
char *image_tag_of(const char *reference);
