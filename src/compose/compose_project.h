/* compose_project.h - the files of a compose project, and which of their texts is a service's
 * image: overrides, merge keys, anchors and `extends` are followed as compose follows them. */
#pragma once
#include "base/list.h"
#include "compose/env_file.h"
#include "compose/yaml.h"

typedef struct ComposeFile {
	char *path, *text;
	size_t len;
	Yaml *yaml;
} ComposeFile;

typedef struct ComposeProject {
	ComposeFile *files; /* those named, then those that `extends` names */
	size_t len;
	size_t named;
	char *env_path;
	char *env_text; /* NULL: there is no .env */
	EnvFile env;
} ComposeProject;

/* `files`: absolute paths with commas between them; `dir`: where .env is. ERR_REFUSED, naming file
 * and line, for what cannot be read as a compose file. */
bool compose_open(const char *files, const char *dir, ComposeProject *ret, Err *err) NODISCARD;
void compose_close(ComposeProject *project);

/* The scalar that is the image of a service, and the number of its file. ERR_REFUSED where there is
 * none: no such service, built from a folder, included from elsewhere. */
bool compose_find_image(ComposeProject *project, const char *service, int *ret_file,
	YamlNode **ret_node, Err *err) NODISCARD;
/* Of all files, each once. */
void compose_service_names(const ComposeProject *project, StrList *ret);
