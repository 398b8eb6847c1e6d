/* engine_image.h - images at the engine: looked at, tagged, let go. Pulling and loading go through
 * the `docker` program, which knows the registries' credentials (docker_program.h). */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"

typedef struct DockerImage {
	char *id; /* "sha256:…" */
	char *architecture, *os;
	char *dir;       /* working directory inside */
	StrList tags;    /* "repository:tag" */
	StrList digests; /* "repository@sha256:…" */
	json_t *config;  /* "Config" as the engine says it */
} DockerImage;

/* By id, "repository:tag" or "repository@digest"; nothing is asked of a registry. */
bool docker_image(const char *reference, DockerImage *ret, bool *ret_found, Err *err) NODISCARD;
void docker_image_clear(DockerImage *image);
/* Gives an image a further name; the name may be another image's so far. */
bool docker_image_tag(const char *id, const char *repository, const char *tag, Err *err) NODISCARD;
/* Takes a name away. The image goes with its last name, unless a container is of it. Not there:
 * fine. */
bool docker_image_untag(const char *reference, Err *err) NODISCARD;
/* Of what this engine runs, as images have it: "linux/amd64". */
bool docker_platform(char **ret, Err *err) NODISCARD;
/* ERR_REFUSED for what cannot be a name of an image. */
bool docker_is_reference(const char *reference, Err *err) NODISCARD;
