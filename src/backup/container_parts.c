#include "backup/container_parts.h"

#include "base/mem.h"
#include "base/text.h"
#include "docker/container_config.h"
#include "os/file.h"
#include "release/image.h"
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

static json_t *volume_names(const json_t *inspected)
{
	json_t *names = json_array(), *mount;
	size_t index;

	json_array_foreach(json_object_get(inspected, "Mounts"), index, mount)
	{
		const char *name = json_str(mount, "Name");

		if (name && str_is(json_str(mount, "Type"), "volume"))
			json_array_append_new(names, json_string(name));
	}
	return names;
}

/* Of those that somebody made: null for the one that the container is made in, else how it is
 * connected with it. */
static json_t *network_names(const json_t *config, const json_t *further)
{
	const json_t *made_in = json_object_get(
		json_object_get(config, "NetworkingConfig"), "EndpointsConfig");
	json_t *names = json_deep_copy(further), *endpoint;
	const char *network;

	json_object_foreach((json_t *)made_in, network, endpoint)
	{
		(void)json_object_set_new(names, network, json_null());
	}
	json_object_del(names, "bridge");
	return names;
}

/* What the engine makes it of, whatever else is there. */
static bool add_creation(const Container *container, Parts *parts, json_t *manifest, Err *err)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(json_release_auto) json_t *config = NULL;
	AUTO(json_release_auto) json_t *further = NULL;
	AUTO(free_auto) char *text = NULL;
	bool found;

	if (!docker_inspect_json(container->id, &inspected, err) ||
		!docker_image(container->image_id, &image, &found, err))
		return false;
	container_config_of(
		inspected, found ? image.config : NULL, container->image, &config, &further);
	(void)json_object_set_new(manifest, "volumes", volume_names(inspected));
	(void)json_object_set_new(manifest, "networks", network_names(config, further));
	text = json_pretty(config);
	return parts->add(parts->arg, "create.json", text, err);
}

bool container_parts(const Site *site, json_t *manifest,
	bool (*add)(void *arg, const char *name, const char *text, Err *err), void *arg,
	char **ret_key, Err *err)
{
	Parts parts = {.add = add, .arg = arg};
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *pinned = NULL;

	if (!site_container(site, &container, err) ||
		!docker_inspect_text(container.id, &text, err) ||
		!add(arg, "container.json", text, err) || !add_project(site, &parts, err) ||
		!add_creation(&container, &parts, manifest, err) ||
		!image_pinned(container.image, container.image_id, &pinned, err))
		return false;
	json_put(manifest, "image", container.image);
	json_put(manifest, "image_id", container.image_id);
	json_put(manifest, "image_digest", pinned);
	json_put(manifest, "container", container.name);
	return site->webui.key_source == KEY_IN_ENVIRONMENT ||
	       container_key(&container, ret_key, err);
}
