#include "release/site_container.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "docker/engine_change.h"
#include "os/file.h"
#include "os/process_table.h"

#define PACKAGE_JSON_MAX (1 << 20)
#define KEY_FILE         ".webui_secret_key" /* in the working directory, as start.sh decides */
#define KEY_FILE_MAX     (64 * 1024)

static bool check_project(const Site *site, const ContainerList *list, Err *err)
{
	for (size_t i = 0; i < list->len; i++) {
		const Container *one = &list->items[i];

		if (!one->compose_dir || str_is(one->compose_dir, site->start_directory))
			continue;
		err_fail(err, ERR_REFUSED,
			"two compose projects have the name '%s': one in '%s', one in '%s'",
			site->compose_project, site->start_directory, one->compose_dir);
		return err_hint(err, "give one of them another name (COMPOSE_PROJECT_NAME, or "
				     "'name:' in its file), and recreate it");
	}
	return true;
}

static bool of_compose(const Site *site, Container *ret, Err *err)
{
	AUTO(container_list_clear) ContainerList list = {0};

	if (!docker_of_project(site->compose_project, site->compose_service, &list, err) ||
		!check_project(site, &list, err))
		return false;
	if (list.len == 0) {
		err_fail(err, ERR_VERIFY, "there is no container of service '%s' of '%s'",
			site->compose_service, site->compose_project);
		return err_hint(err, "cd '%s' && docker compose -p %s up -d %s",
			site->start_directory, site->compose_project, site->compose_service);
	}
	if (list.len > 1) {
		err_fail(err, ERR_REFUSED,
			"service '%s' of '%s' has %zu containers; only one is handled",
			site->compose_service, site->compose_project, list.len);
		return err_hint(err, "docker compose -p %s up -d --scale %s=1",
			site->compose_project, site->compose_service);
	}
	*ret = list.items[0];
	list.items[0] = (Container){0};
	return true;
}

bool site_container(const Site *site, Container *ret, Err *err)
{
	if (site->service == SERVICE_COMPOSE)
		return of_compose(site, ret, err);
	return docker_inspect(site->webui_container, ret, err);
}

bool container_has_own_network(const Container *container, Err *err)
{
	if (!str_starts(container->network_mode ? container->network_mode : "", "container:"))
		return true;
	err_fail(err, ERR_REFUSED,
		"container '%s' shares the network of another one ('%s'), which is not handled",
		container->name, container->network_mode);
	return err_hint(err, "make it anew in a network of its own, and publish its port there");
}

static const char *workdir(const Container *container)
{
	return str_empty(container->dir) ? "/app/backend" : container->dir;
}

bool container_version(const Container *container, char **ret, Err *err)
{
	AUTO(free_auto) char *base = path_folder(workdir(container));
	AUTO(free_auto) char *path = path_join(base, "package.json");
	AUTO(free_auto) char *text = NULL;
	AUTO(json_release_auto) json_t *package = NULL;
	const char *version;

	if (!docker_read_file(container->id, path, PACKAGE_JSON_MAX, &text, err))
		return false;
	if (!text)
		return err_fail(err, ERR_VERIFY,
			"image '%s' is no Open WebUI: there is no '%s' in it", container->image,
			path);
	if (!json_parse(text, strlen(text), PACKAGE_JSON_MAX, &package, err))
		return err_wrap(err, "'%s' of image '%s'", path, container->image);
	version = json_str(package, "version");
	if (!str_is(json_str(package, "name"), "open-webui") || str_empty(version))
		return err_fail(err, ERR_VERIFY, "'%s' of image '%s' is not that of Open WebUI",
			path, container->image);
	*ret = str_dup(version);
	return true;
}

bool release_of_container(const Site *site, Release *ret, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(site, &container, err) ||
		!container_version(&container, &ret->version, err))
		return false;
	ret->path = str_dup(container.image_id);
	ret->image = str_dup(container.image);
	return true;
}

char *container_key_path(const Container *container)
{
	const char *named = env_get(&container->env, "WEBUI_SECRET_KEY_FILE");
	const char *file = str_empty(named) ? KEY_FILE : named;

	return file[0] == '/' ? str_dup(file) : path_join(workdir(container), file);
}

bool container_key(const Container *container, char **ret, Err *err)
{
	AUTO(free_auto) char *path = container_key_path(container);
	AUTO(free_auto) char *key = NULL;

	if (!docker_read_file(container->id, path, KEY_FILE_MAX, &key, err))
		return err_wrap(err, "the secret key");
	/* As $(cat FILE) takes it. */
	for (size_t len = key ? strlen(key) : 0; len && key[len - 1] == '\n'; len--)
		key[len - 1] = '\0';
	redact_add(key);
	*ret = str_empty(key) ? NULL : TAKE(key);
	return true;
}

/* The image makes itself a key where there is none, and everybody is signed out: the site's goes in
 * before its first start. */
bool container_give_key(const Site *site, const Container *container, Err *err)
{
	AUTO(free_auto) char *path = container_key_path(container);
	AUTO(free_auto) char *key = NULL;
	AUTO(free_auto) char *there = NULL;

	if (site->webui.key_source != KEY_IN_FILE)
		return true;
	if (!file_read(site->webui.key_file, KEY_FILE_MAX, &key, NULL, err))
		return err_wrap(err, "reading the secret key");
	redact_add(key);
	if (!container_key(container, &there, err) || str_is(there, str_trim(key)))
		return err->kind == ERR_NONE;
	const FileInside file = {.path = path,
		.text = key,
		.uid = site->recipe.uid,
		.gid = site->recipe.gid,
		.mode = 0600};

	return docker_write_file(container->id, &file, err) ||
	       err_wrap(err, "giving the secret key to container '%s'", container->name);
}

void container_recipe(const Container *container, Recipe *ret)
{
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err gone = {0};

	strlist_add_all(&ret->argv, &container->argv);
	strlist_add_all(&ret->env, &container->env);
	ret->dir = str_dup(workdir(container));
	ret->user = str_dup("root");
	ret->umask = 0022;
	ret->pid = container->pid;
	if (container->pid && process_read(container->pid, &process, &gone)) {
		ret->start_ticks = process.start_ticks;
		ret->uid = process.uid;
		ret->gid = process.gid;
	}
	recipe_learn_secrets(ret);
}

bool site_container_refresh(Site *site, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(site, &container, err))
		return false;
	recipe_clear(&site->recipe);
	container_recipe(&container, &site->recipe);
	return site_refresh(site, err);
}
