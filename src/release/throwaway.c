#include "release/throwaway.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/container_config.h"
#include "docker/engine_change.h"
#include "docker/engine_image.h"
#include "os/file.h"
#include "release/compose_link.h"
#include "release/container_link.h"
#include "release/site_container.h"

#define LABEL         "belay.throwaway"
#define LABEL_PURPOSE "belay.throwaway.purpose"

/* ---- the site's container ---- */

bool site_container_json(const Site *site, json_t **ret, Err *err)
{
	AUTO(container_clear) Container container = {0};
	AUTO(err_clear) Err none = {0};

	if (site_container(site, &container, &none))
		return docker_inspect_json(container.id, ret, err);
	if (container_link_inspected(site, ret))
		return true;
	err_move(err, &none);
	return false;
}

/* Of the image that a container was made of; NULL when it is gone. */
static bool image_config(const json_t *inspected, json_t **ret, Err *err)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	const char *id = json_str(inspected, "Image");
	bool found;

	*ret = NULL;
	if (!docker_image(id ? id : "", &image, &found, err))
		return false;
	if (found)
		*ret = json_incref(image.config);
	return true;
}

bool site_container_env(const Site *site, StrList *ret, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(json_release_auto) json_t *image = NULL;
	AUTO(json_release_auto) json_t *own = NULL;
	size_t index;
	json_t *item;

	if (!site_container_json(site, &inspected, err) || !image_config(inspected, &image, err))
		return false;
	own = container_own_env(inspected, image);
	json_array_foreach(own, index, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
	return true;
}

static void add_words(const json_t *words, StrList *ret)
{
	size_t index;
	json_t *item;

	json_array_foreach(words, index, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
}

bool site_container_words_in(const Site *site, const char *image_id, StrList *ret, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(json_release_auto) json_t *image = NULL;
	AUTO(json_release_auto) json_t *config = NULL;
	AUTO(json_release_auto) json_t *networks = NULL;
	AUTO(docker_image_clear) DockerImage target = {0};
	const json_t *entry, *words;
	bool found;

	if (!site_container_json(site, &inspected, err) || !image_config(inspected, &image, err) ||
		!docker_image(image_id, &target, &found, err))
		return false;
	if (!found)
		return err_fail(err, ERR_VERIFY, "image '%s' is not there any more", image_id);
	container_config_of(inspected, image, image_id, &config, &networks);
	entry = json_object_get(config, "Entrypoint");
	words = json_object_get(config, "Cmd");
	add_words(entry ? entry : json_object_get(target.config, "Entrypoint"), ret);
	add_words(words || entry ? words : json_object_get(target.config, "Cmd"), ret);
	return ret->len > 0 ||
	       err_fail(err, ERR_VERIFY, "image '%s' does not say what to run", image_id);
}

/* ---- making one ---- */

static char *label_of(const Site *site, const char *purpose)
{
	return str_format("%s %s", purpose, site->state_dir);
}

static json_t *json_of_list(const StrList *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

static void take_limits(const json_t *from, json_t *host)
{
	static const char *const kept[] = {"Memory", "MemorySwap", "NanoCpus", "CpuQuota",
		"CpuPeriod", "CpuShares", "CpusetCpus", "ShmSize", "Ulimits", "SecurityOpt",
		"CapAdd", "CapDrop", "DeviceRequests", "Devices", "Runtime", "ReadonlyRootfs",
		"Tmpfs", "GroupAdd", "PidsLimit"};

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		json_t *value = json_object_get(from, kept[i]);

		if (value && !json_is_null(value))
			json_object_set(host, kept[i], value);
	}
}

/* Certificates, a start script of the operator's … but never the live data, and no sockets, which
 * reading alone is enough to talk to. */
static void take_mounts(const json_t *inspected, const char *data, json_t *binds)
{
	size_t index;
	json_t *mount;

	json_array_foreach(json_object_get(inspected, "Mounts"), index, mount)
	{
		const char *at = json_str(mount, "Destination"), *name = json_str(mount, "Name");
		const char *from = name ? name : json_str(mount, "Source");
		AUTO(free_auto) char *bind = NULL;

		if (!at || str_empty(from) || path_below(at, data) || path_below(data, at) ||
			str_ends(from, ".sock") || path_below(from, "/run") ||
			path_below(from, "/var/run"))
			continue;
		bind = str_format("%s:%s:ro", from, at);
		json_array_append_new(binds, json_string(bind));
	}
}

static bool as_service(const Site *site, json_t *config, json_t *host, json_t *binds, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(json_release_auto) json_t *image = NULL;
	AUTO(json_release_auto) json_t *own = NULL;
	AUTO(json_release_auto) json_t *networks = NULL;
	AUTO(free_auto) char *data = site_data_inside(&site->recipe.env, site->recipe.dir);

	if (!site_container_json(site, &inspected, err) || !image_config(inspected, &image, err) ||
		!container_check_volumes(inspected, err))
		return false;
	container_config_of(inspected, image, "", &own, &networks);
	if (json_object_get(own, "User"))
		json_object_set(config, "User", json_object_get(own, "User"));
	take_limits(json_object_get(inspected, "HostConfig"), host);
	take_mounts(inspected, data, binds);
	return true;
}

static void put_words(const ThrowawaySpec *spec, json_t *config)
{
	AUTO(strlist_clear) StrList rest = {0};

	if (!spec->argv) {
		(void)json_object_set_new(config, "Entrypoint", json_pack("[s]", "/never"));
		(void)json_object_set_new(config, "Cmd", json_array());
		return;
	}
	for (size_t i = 1; i < spec->argv->len; i++)
		strlist_add(&rest, spec->argv->items[i]);
	(void)json_object_set_new(config, "Entrypoint", json_pack("[s]", spec->argv->items[0]));
	(void)json_object_set_new(config, "Cmd", json_of_list(&rest));
}

static bool make_config(const ThrowawaySpec *spec, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *config = json_object();
	AUTO(free_auto)
	char *network = spec->network ? str_format("container:%s", spec->network) : str_dup("none");
	AUTO(free_auto) char *purpose = label_of(spec->site, spec->purpose);
	json_t *host = json_object(), *binds = json_array();

	json_put(config, "Image", spec->image);
	put_words(spec, config);
	if (spec->env)
		(void)json_object_set_new(config, "Env", json_of_list(spec->env));
	(void)json_object_set_new(config, "Labels",
		json_pack("{s:s, s:s}", LABEL, spec->site->state_dir, LABEL_PURPOSE, purpose));
	(void)json_object_set_new(config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
	(void)json_object_set_new(config, "HostConfig", host);
	(void)json_object_set_new(host, "Binds", binds);
	json_put(host, "NetworkMode", network);
	(void)json_object_set_new(
		host, "LogConfig", json_pack("{s:s, s:{}}", "Type", "json-file", "Config"));
	for (const char *const *flag = ARGV("OpenStdin", "StdinOnce", "AttachStdin"); *flag; flag++)
		(void)json_object_set_new(config, *flag, json_boolean(spec->input));
	(void)json_object_set_new(config, "AttachStdout", json_true());
	(void)json_object_set_new(config, "AttachStderr", json_true());
	if (spec->as_service && !as_service(spec->site, config, host, binds, err))
		return false;
	for (size_t i = 0; spec->folders && i < spec->folders->len; i++) {
		const char *folder = spec->folders->items[i];
		AUTO(free_auto) char *bind = str_format("%s:%s", folder, folder);

		json_array_append_new(binds, json_string(bind));
	}
	*ret = TAKE(config);
	return true;
}

bool throwaway_make(const ThrowawaySpec *spec, char **ret_id, Err *err)
{
	AUTO(free_auto)
	char *name = str_format("belay-%s-%s-%d", spec->purpose, spec->site->name, (int)getpid());
	AUTO(json_release_auto) json_t *config = NULL;

	return (make_config(spec, &config, err) && docker_create(name, config, ret_id, err)) ||
	       err_wrap(err, "making a throw-away container");
}

bool throwaway_start(const char *id, pid_t *ret, Err *err)
{
	AUTO(container_clear) Container container = {0};

	if (!docker_start(id, err) || !docker_inspect(id, &container, err))
		return err_wrap(err, "starting a throw-away container");
	if (!container.pid)
		return err_fail(err, ERR_EXEC, "a throw-away container ended at once (%s)",
			container.state);
	*ret = container.pid;
	return true;
}

static bool sweep(const char *label, const char *value, Err *err)
{
	AUTO(strlist_clear) StrList ids = {0};

	if (!docker_with_label(label, value, &ids, err))
		return false;
	for (size_t i = 0; i < ids.len; i++)
		if (!docker_remove(ids.items[i], err))
			return err_wrap(err, "removing a throw-away container");
	return true;
}

bool throwaway_sweep(const Site *site, Err *err)
{
	return !site_in_container(site) || sweep(LABEL, site->state_dir, err);
}

bool throwaway_sweep_of(const Site *site, const char *purpose, Err *err)
{
	AUTO(free_auto) char *value = label_of(site, purpose);

	return sweep(LABEL_PURPOSE, value, err);
}
