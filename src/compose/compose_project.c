#include "compose/compose_project.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 16, DEPTH_MAX = 8 };

static bool add_file(ComposeProject *project, const char *path, int *ret, Err *err)
{
	ComposeFile file = {0};

	for (size_t i = 0; i < project->len; i++)
		if (str_is(project->files[i].path, path)) {
			*ret = (int)i;
			return true;
		}
	if (project->len >= FILES_MAX)
		return err_fail(err, ERR_REFUSED, "the project has more than %d files", FILES_MAX);
	if (!file_read(path, FILE_MAX, &file.text, &file.len, err))
		return err_wrap(err, "reading the compose file");
	if (!yaml_parse(file.text, file.len, path, &file.yaml, err)) {
		free(file.text);
		return false;
	}
	file.path = str_dup(path);
	project->files = mem_resize(project->files, project->len + 1, sizeof(ComposeFile));
	project->files[project->len] = file;
	*ret = (int)project->len++;
	return true;
}

static bool read_env(ComposeProject *project, const char *dir, Err *err)
{
	project->env_path = path_join(dir, ".env");
	if (!file_exists(project->env_path))
		return true;
	if (!file_read(project->env_path, FILE_MAX, &project->env_text, NULL, err))
		return err_wrap(err, "reading the project's variables");
	env_file_parse(project->env_text, &project->env);
	return true;
}

bool compose_open(const char *files, const char *dir, ComposeProject *ret, Err *err)
{
	AUTO(compose_close) ComposeProject project = {0};
	AUTO(strlist_clear) StrList paths = {0};
	int index;

	strlist_split(&paths, files, ",");
	for (size_t i = 0; i < paths.len; i++) {
		if (paths.items[i][0] != '/')
			return err_fail(err, ERR_REFUSED,
				"the compose file of the project is '%s', which is no file",
				paths.items[i]);
		if (!add_file(&project, paths.items[i], &index, err))
			return false;
	}
	project.named = project.len;
	if (!read_env(&project, dir, err))
		return false;
	*ret = project;
	project = (ComposeProject){0};
	return true;
}

void compose_close(ComposeProject *project)
{
	for (size_t i = 0; i < project->len; i++) {
		free(project->files[i].path);
		free(project->files[i].text);
		yaml_free(project->files[i].yaml);
	}
	free(project->files);
	free(project->env_path);
	free(project->env_text);
	env_file_clear(&project->env);
	*project = (ComposeProject){0};
}

/* Of the map itself, else of the first map that it merges in. */
static YamlNode *get_merged(YamlNode *map, const char *key, int depth)
{
	YamlNode *found = yaml_get(map, key);
	YamlNode *merged = yaml_get(map, "<<");

	if (found || depth >= DEPTH_MAX)
		return found;
	if (yaml_kind(merged) == YAML_MAP)
		return get_merged(merged, key, depth + 1);
	for (int i = 0; !found && yaml_item(merged, i); i++)
		found = get_merged(yaml_item(merged, i), key, depth + 1);
	return found;
}

static YamlNode *service_of(const ComposeProject *project, int file, const char *service)
{
	YamlNode *services = yaml_get(yaml_root(project->files[file].yaml), "services");

	return get_merged(services, service, 0);
}

typedef struct Found {
	int file;
	YamlNode *image; /* NULL: none */
	bool service, build;
} Found;

static bool look(
	ComposeProject *project, int file, const char *service, int depth, Found *found, Err *err);

/* `extends: base`, `extends: {service: base, file: common.yml}` */
static bool look_extended(
	ComposeProject *project, int file, YamlNode *extends, int depth, Found *found, Err *err)
{
	YamlNode *named = yaml_kind(extends) == YAML_MAP ? yaml_get(extends, "service") : extends;
	AUTO(free_auto) char *service = yaml_text(named);
	AUTO(free_auto) char *other = yaml_text(yaml_get(extends, "file"));
	AUTO(free_auto) char *folder = path_folder(project->files[file].path);
	AUTO(free_auto)
	char *path = other && other[0] == '/' ? str_dup(other)
		     : other                  ? path_join(folder, other)
					      : NULL;

	if (!service || depth >= DEPTH_MAX)
		return err_fail(err, ERR_REFUSED, "'%s': an `extends` that cannot be followed",
			project->files[file].path);
	if (path && !add_file(project, path, &file, err))
		return false;
	return look(project, file, service, depth + 1, found, err);
}

static bool look(
	ComposeProject *project, int file, const char *service, int depth, Found *found, Err *err)
{
	YamlNode *node = service_of(project, file, service);
	YamlNode *image = get_merged(node, "image", 0);
	YamlNode *extends = get_merged(node, "extends", 0);

	found->service = found->service || node;
	found->build = found->build || get_merged(node, "build", 0);
	if (image) {
		found->file = file;
		found->image = image;
		return true;
	}
	return !extends || look_extended(project, file, extends, depth, found, err);
}

static bool no_image(
	const ComposeProject *project, const char *service, const Found *found, Err *err)
{
	const char *path = project->files[0].path;

	if (found->build) {
		err_fail(err, ERR_REFUSED,
			"service '%s' in '%s' is built from a Dockerfile, it names no image",
			service, path);
		return err_hint(err, "change the version in that Dockerfile (FROM …)");
	}
	if (found->service)
		return err_fail(
			err, ERR_REFUSED, "service '%s' in '%s' names no image", service, path);
	for (size_t i = 0; i < project->named; i++)
		if (yaml_get(yaml_root(project->files[i].yaml), "include"))
			return err_fail(err, ERR_REFUSED,
				"service '%s' comes from a file that '%s' includes, which belay "
				"does not change",
				service, project->files[i].path);
	return err_fail(err, ERR_REFUSED, "there is no service '%s' in '%s'", service, path);
}

bool compose_find_image(
	ComposeProject *project, const char *service, int *ret_file, YamlNode **ret_node, Err *err)
{
	Found found = {0};

	if (!project->named)
		return err_fail(err, ERR_REFUSED, "no compose file of the project is known");
	/* A later file overrides those before it. */
	for (int i = (int)project->named; i-- > 0 && !found.image;)
		if (!look(project, i, service, 0, &found, err))
			return false;
	if (!found.image)
		return no_image(project, service, &found, err);
	*ret_file = found.file;
	*ret_node = found.image;
	return true;
}

void compose_service_names(const ComposeProject *project, StrList *ret)
{
	for (size_t i = 0; i < project->named; i++) {
		YamlNode *services = yaml_get(yaml_root(project->files[i].yaml), "services");
		AUTO(free_auto) char *name = NULL;
		YamlNode *node;

		for (int k = 0; yaml_pair(services, k, &name, &node); k++) {
			if (name && !strlist_has(ret, name))
				strlist_add(ret, name);
			free(name);
			name = NULL;
		}
	}
}
