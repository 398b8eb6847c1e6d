/* compose_image.h - the image of a compose service: which bytes of which file make its tag, and
 * what they become for another version. Nothing here writes. */
#pragma once
#include "base/error.h"

typedef struct ComposeImage {
	char *text;       /* with all variables put in: "ghcr.io/open-webui/open-webui:v0.7.2" */
	char *repository; /* "ghcr.io/open-webui/open-webui" */
	char *tag;        /* "v0.7.2"; NULL: none, which is latest */
	char *digest;     /* "sha256:…"; NULL: not pinned */
} ComposeImage;

/* One run of bytes to replace. */
typedef struct ComposeEdit {
	char *file;
	size_t at;
	char *before, *after; /* `before` may be "" where a tag has to be put in */
	char *variable;       /* that holds them; NULL: they stand in the image itself */
	int line;             /* from 1 */
} ComposeEdit;

/* Reads the image of `service` (compose_project.h says what files and dir are). ERR_REFUSED says
 * why not, and where the image comes from instead. */
bool compose_image_read(const char *files, const char *dir, const char *service, ComposeImage *ret,
	Err *err) NODISCARD;
/* What has to change for `tag` and `digest` (NULL exactly where the image has none). ERR_REFUSED
 * where the bytes are in no file, in pieces, escaped, or also the image of another service. */
bool compose_image_plan(const char *files, const char *dir, const char *service, const char *tag,
	const char *digest, ComposeEdit *ret, Err *err) NODISCARD;
void compose_image_clear(ComposeImage *image);
void compose_edit_clear(ComposeEdit *edit);
/* The tag of the same kind for another version: "v0.7.2-cuda" and "0.8.0" give "v0.8.0-cuda",
 * "main", "latest" and none give "v0.8.0". Caller frees. */
char *compose_tag_for(const char *tag, const char *version);
