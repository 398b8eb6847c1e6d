#include "backup/container_parts.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "release/site_container.h"

#define COMPOSE_FILE_MAX (1 << 20)

typedef struct Parts {
	bool (*add)(void *arg, const char *name, const char *text, Err *err);
	void *arg;
	int files;
} Parts;

static bool add_file(Parts *parts, const char *path, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *name = str_format("compose-%d-%s", ++parts->files, path_name(path));

	return file_read(path, COMPOSE_FILE_MAX, &text, NULL, err) &&
	       parts->add(parts->arg, name, text, err);
}

static bool add_project(const Site *site, Parts *parts, Err *err)
{
	AUTO(strlist_clear) StrList files = {0};
	AUTO(free_auto) char *env = path_join(site->start_directory, ".env");

	if (site->service != SERVICE_COMPOSE)
		return true;
	if (site->compose_files)
		strlist_split(&files, site->compose_files, ",");
	if (file_exists(env))
		strlist_add(&files, env);
	for (size_t i = 0; i < files.len; i++)
		if (files.items[i][0] == '/' && !add_file(parts, files.items[i], err))
			return err_wrap(err, "the files of the compose project");
	return true;
}

bool container_parts(const Site *site, json_t *manifest,
	bool (*add)(void *arg, const char *name, const char *text, Err *err), void *arg,
	char **ret_key, Err *err)
{
	Parts parts = {.add = add, .arg = arg};
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *text = NULL;

	if (!site_container(site, &container, err) ||
		!docker_inspect_text(container.id, &text, err) ||
		!add(arg, "container.json", text, err) || !add_project(site, &parts, err))
		return false;
	json_put(manifest, "image", container.image);
	json_put(manifest, "image_id", container.image_id);
	json_put(manifest, "container", container.name);
	return site->webui.key_source == KEY_IN_ENVIRONMENT ||
	       container_key(&container, ret_key, err);
}
