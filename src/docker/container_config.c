#include "docker/container_config.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static bool has_item(const json_t *array, const json_t *wanted)
{
	size_t index;
	json_t *item;

	json_array_foreach(array, index, item)
	{
		if (json_equal(item, wanted))
			return true;
	}
	return false;
}

json_t *container_own_env(const json_t *inspected, const json_t *image)
{
	const json_t *env = json_object_get(json_object_get(inspected, "Config"), "Env");
	const json_t *of_image = json_object_get(image, "Env");
	json_t *own = json_array();
	size_t index;
	json_t *item;

	json_array_foreach(env, index, item)
	{
		if (!has_item(of_image, item))
			json_array_append(own, item);
	}
	return own;
}

/* Labels, exposed ports, volumes. */
static void drop_members(json_t *config, const json_t *image, const char *key)
{
	json_t *members = json_object_get(config, key);
	const char *name;
	const json_t *value;

	json_object_foreach((json_t *)json_object_get(image, key), name, value)
	{
		if (json_equal(json_object_get(members, name), value))
			json_object_del(members, name);
	}
}

static void drop_same(json_t *config, const json_t *image, const char *key)
{
	if (json_equal(json_object_get(config, key), json_object_get(image, key)))
		json_object_del(config, key);
}

static void drop_what_the_image_brings(json_t *config, const json_t *image)
{
	static const char *const single[] = {
		"WorkingDir", "User", "Healthcheck", "StopSignal", "Shell"};
	static const char *const many[] = {"Labels", "ExposedPorts", "Volumes"};

	for (size_t i = 0; i < COUNT_OF(single); i++)
		drop_same(config, image, single[i]);
	for (size_t i = 0; i < COUNT_OF(many); i++)
		drop_members(config, image, many[i]);
	/* An entrypoint of the operator's goes with the words that follow it. */
	if (!json_equal(
		    json_object_get(config, "Entrypoint"), json_object_get(image, "Entrypoint")))
		return;
	json_object_del(config, "Entrypoint");
	drop_same(config, image, "Cmd");
}

/* ---- volumes ---- */

static bool is_bound(const json_t *binds, const char *destination)
{
	AUTO(free_auto) char *middle = str_format(":%s:", destination);
	AUTO(free_auto) char *end = str_format(":%s", destination);
	size_t index;
	json_t *item;

	json_array_foreach(binds, index, item)
	{
		const char *text = json_is_string(item) ? json_string_value(item) : "";

		if (str_ends(text, end) || strstr(text, middle))
			return true;
	}
	return false;
}

static json_t *mount_at(const json_t *mounts, const char *target)
{
	size_t index;
	json_t *mount;

	json_array_foreach(mounts, index, mount)
	{
		if (str_is(json_str(mount, "Target"), target))
			return mount;
	}
	return NULL;
}

static void keep_volumes(json_t *host, const json_t *inspected)
{
	const json_t *mounts = json_object_get(inspected, "Mounts");
	json_t *binds = json_object_get(host, "Binds");
	size_t index;
	json_t *mount;

	if (!json_is_array(binds)) {
		binds = json_array();
		(void)json_object_set_new(host, "Binds", binds);
	}
	json_array_foreach(mounts, index, mount)
	{
		const char *name = json_str(mount, "Name"), *at = json_str(mount, "Destination");
		json_t *asked = at ? mount_at(json_object_get(host, "Mounts"), at) : NULL;
		AUTO(free_auto) char *bind = NULL;

		if (!name || !at || !str_is(json_str(mount, "Type"), "volume") ||
			is_bound(binds, at))
			continue;
		if (asked) {
			if (str_empty(json_str(asked, "Source")))
				json_put(asked, "Source", name);
			continue;
		}
		bind = str_format("%s:%s%s", name, at, json_flag(mount, "RW", true) ? "" : ":ro");
		json_array_append_new(binds, json_string(bind));
	}
}

/* ---- networks ---- */

static void put_member(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value && !json_is_null(value))
		json_object_set(to, key, value);
}

/* The engine adds the container's own short id to the names it is known by. */
static json_t *endpoint_of(const json_t *network, const char *id)
{
	json_t *endpoint = json_object(), *aliases = json_array();
	size_t index;
	json_t *alias;

	put_member(endpoint, network, "IPAMConfig");
	put_member(endpoint, network, "Links");
	put_member(endpoint, network, "DriverOpts");
	json_array_foreach(json_object_get(network, "Aliases"), index, alias)
	{
		if (json_is_string(alias) && !str_starts(id, json_string_value(alias)))
			json_array_append(aliases, alias);
	}
	if (json_array_size(aliases))
		json_object_set(endpoint, "Aliases", aliases);
	json_decref(aliases);
	return endpoint;
}

static bool is_first(const char *mode, const char *name, const json_t *network)
{
	if (str_is(mode, "default"))
		mode = "bridge";
	return str_is(mode, name) || str_is(mode, json_str(network, "NetworkID"));
}

static void put_networks(json_t *config, const json_t *inspected, json_t *further)
{
	const char *mode = json_str(json_object_get(inspected, "HostConfig"), "NetworkMode");
	const char *id = json_str(inspected, "Id"), *name;
	json_t *endpoints = json_object();
	const json_t *network;

	json_object_foreach(
		json_object_get(json_object_get(inspected, "NetworkSettings"), "Networks"), name,
		network)
	{
		if (str_is(name, "host") || str_is(name, "none"))
			continue;
		(void)json_object_set_new(is_first(mode, name, network) ? endpoints : further, name,
			endpoint_of(network, id ? id : ""));
	}
	if (json_object_size(endpoints))
		(void)json_object_set_new(config, "NetworkingConfig",
			json_pack("{s:O}", "EndpointsConfig", endpoints));
	json_decref(endpoints);
}

/* The name that the engine gave, or that of the machine, is not part of the configuration. */
static void drop_given_name(json_t *config, const json_t *inspected)
{
	const char *mode = json_str(json_object_get(inspected, "HostConfig"), "NetworkMode");
	const char *name = json_str(config, "Hostname"), *id = json_str(inspected, "Id");

	if (!name || (id && str_starts(id, name)) || str_is(mode, "host") ||
		str_starts(mode ? mode : "", "container:"))
		json_object_del(config, "Hostname");
}

static json_t *copy_of(const json_t *inspected, const char *key)
{
	const json_t *value = json_object_get(inspected, key);

	return json_is_object(value) ? json_deep_copy(value) : json_object();
}

void container_config_of(const json_t *inspected, const json_t *image, const char *reference,
	json_t **ret, json_t **ret_networks)
{
	json_t *config = copy_of(inspected, "Config"), *host = copy_of(inspected, "HostConfig");
	json_t *further = json_object();

	drop_what_the_image_brings(config, image);
	(void)json_object_set_new(config, "Env", container_own_env(inspected, image));
	drop_given_name(config, inspected);
	json_put(config, "Image", reference);
	keep_volumes(host, inspected);
	(void)json_object_set_new(config, "HostConfig", host);
	put_networks(config, inspected, further);
	*ret = config;
	*ret_networks = further;
}
