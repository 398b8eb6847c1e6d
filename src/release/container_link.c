#include "release/container_link.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/container_config.h"
#include "docker/engine_api.h"
#include "docker/engine_change.h"
#include "docker/engine_image.h"
#include "os/file.h"
#include "release/compose_link.h"
#include "release/image.h"
#include "release/site_container.h"

#define RECORD     "container.json"
#define RECORD_MAX (4 << 20)
#define HALF_MADE  ".belay-new"

/* ---- the record ---- */

static bool read_record(const Site *site, json_t **ret, Err *err)
{
	AUTO(free_auto) char *path = site_path(site, RECORD);
	AUTO(free_auto) char *text = NULL;
	size_t len;

	*ret = NULL;
	if (!file_exists(path))
		return true;
	return (file_read(path, RECORD_MAX, &text, &len, err) &&
		       json_parse(text, len, RECORD_MAX, ret, err)) ||
	       err_wrap(err, "reading '%s'", path);
}

static bool write_record(const Site *site, const json_t *record, Err *err)
{
	AUTO(free_auto) char *path = site_path(site, RECORD);
	AUTO(free_auto) char *text = json_pretty(record);

	return file_write_text(path, text, 0600, err);
}

bool container_link_inspected(const Site *site, json_t **ret)
{
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!read_record(site, &record, &ignored) || !json_object_get(record, "inspected"))
		return false;
	*ret = json_incref(json_object_get(record, "inspected"));
	return true;
}

bool container_link_is_of(const Site *site, const char *run)
{
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(err_clear) Err ignored = {0};

	return read_record(site, &record, &ignored) && record &&
	       str_is(json_str(record, "run"), run);
}

/* ---- what is at the place ---- */

bool container_is_half_made(const Container *container)
{
	return str_ends(container->name, HALF_MADE);
}

/* *ret_found false: nothing, or (killed while it was made) more than one, or half of one. */
static bool at_place(const Site *site, Container *ret, bool *ret_found, Err *err)
{
	AUTO(container_list_clear) ContainerList list = {0};
	AUTO(err_clear) Err why = {0};

	*ret_found = false;
	if (site->service == SERVICE_COMPOSE) {
		if (!docker_of_project(site->compose_project, site->compose_service, &list, err))
			return false;
		if (list.len != 1 || container_is_half_made(&list.items[0]))
			return true;
		*ret = list.items[0];
		list.items[0] = (Container){0};
		*ret_found = true;
		return true;
	}
	*ret_found = docker_inspect(site->webui_container, ret, &why);
	if (*ret_found || why.kind == ERR_VERIFY)
		return true;
	err_move(err, &why);
	return false;
}

bool container_link_state(const Site *site, LinkState *ret, char **ret_target, Err *err)
{
	AUTO(container_clear) Container there = {0};
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(free_auto) char *words = NULL;
	bool found;

	if (!at_place(site, &there, &found, err) || !read_record(site, &record, err))
		return false;
	if (found) {
		*ret = LINK_RELEASE;
		*ret_target = TAKE(there.image_id);
	} else if (json_str(record, "run")) {
		*ret = LINK_STUB;
		*ret_target = str_dup(json_str(record, "run"));
	} else {
		words = site_container_words(site);
		*ret = LINK_OTHER;
		*ret_target = str_format("there is no %s", words);
	}
	return true;
}

/* ---- blocking ---- */

static char *kept_name(const Site *site, const char *run)
{
	return str_format("%s.belay-%s", site->webui_container, run);
}

static bool begin_record(
	const Site *site, const char *run, const Container *there, json_t **ret, Err *err)
{
	AUTO(json_release_auto) json_t *record = json_object();
	AUTO(json_release_auto) json_t *inspected = NULL;

	if (!docker_inspect_json(there->id, &inspected, err))
		return false;
	json_put(record, "run", run);
	json_put(record, "id", there->id);
	json_put(record, "image", there->image_id);
	json_object_set(record, "inspected", inspected);
	if (site->service == SERVICE_COMPOSE && !compose_link_plan(site, run, record, err))
		return false;
	if (!write_record(site, record, err))
		return false;
	*ret = TAKE(record);
	return true;
}

static bool set_aside(const Site *site, const char *run, const Container *there, Err *err)
{
	AUTO(json_release_auto) json_t *never = json_pack("{s:s}", "Name", "no");
	AUTO(free_auto) char *name = kept_name(site, run);

	return docker_stop(there->id, site->stop_timeout_ms, err) &&
	       docker_set_restart(there->id, never, err) && docker_rename(there->id, name, err);
}

/* Made by this run and not needed, or removed by compose at its next recreation anyway. */
static bool remove_there(const Site *site, const Container *there, Err *err)
{
	return docker_stop(there->id, site->stop_timeout_ms, err) && docker_remove(there->id, err);
}

/* More than one of a service: compose was killed between making the next and removing this one. */
static bool remove_all(const Site *site, Err *err)
{
	AUTO(container_list_clear) ContainerList list = {0};

	if (!docker_of_project(site->compose_project, site->compose_service, &list, err))
		return false;
	for (size_t i = 0; i < list.len; i++)
		if (!remove_there(site, &list.items[i], err))
			return false;
	return true;
}

static bool none_there(const Site *site, const char *run, Err *err)
{
	AUTO(free_auto) char *words = site_container_words(site);

	err_fail(err, ERR_FOREIGN, "the %s is not there, and run '%s' did not set it aside", words,
		run);
	return err_hint(err, "docker ps -a");
}

bool container_link_block(const Site *site, const char *run, Err *err)
{
	AUTO(container_clear) Container there = {0};
	AUTO(json_release_auto) json_t *record = NULL;
	bool found, ours;

	if (!at_place(site, &there, &found, err) || !read_record(site, &record, err))
		return false;
	ours = record && str_is(json_str(record, "run"), run);
	if (!ours && !found)
		return none_there(site, run, err);
	if (!ours) {
		json_decref(TAKE(record));
		if (!begin_record(site, run, &there, &record, err))
			return false;
	}
	if (site->service == SERVICE_COMPOSE)
		return compose_link_write(site, record, COMPOSE_BLOCKED, err) &&
		       remove_all(site, err);
	if (!found)
		return true;
	return str_is(there.id, json_str(record, "id")) ? set_aside(site, run, &there, err)
							: remove_there(site, &there, err);
}

/* ---- pointing ---- */

/* Missing ones would silently be made anew, empty. */
bool container_check_volumes(const json_t *inspected, Err *err)
{
	size_t index;
	json_t *mount;

	json_array_foreach(json_object_get(inspected, "Mounts"), index, mount)
	{
		const char *name = json_str(mount, "Name");
		bool found;

		if (!name || !str_is(json_str(mount, "Type"), "volume"))
			continue;
		if (!docker_volume_exists(name, &found, err))
			return false;
		if (!found)
			return err_fail(err, ERR_VERIFY,
				"volume '%s' of the container is not there any more", name);
	}
	return true;
}

static bool make(const Site *site, const ContainerPlan *plan, const char *name, Err *err)
{
	AUTO(docker_image_clear) DockerImage of = {0};
	AUTO(release_clear) Release target = {0};
	AUTO(json_release_auto) json_t *config = NULL;
	AUTO(json_release_auto) json_t *networks = NULL;
	AUTO(container_clear) Container made = {0};
	AUTO(free_auto) char *id = NULL;
	const char *before = json_str(plan->inspected, "Image"), *network;
	json_t *endpoint;
	bool found;

	if (!docker_image(before ? before : "", &of, &found, err) ||
		!image_release(site, plan->image_id, &target, err) ||
		!container_check_volumes(plan->inspected, err) ||
		!image_name_leads_to(target.image, plan->image_id, err))
		return false;
	container_config_of(plan->inspected, found ? of.config : NULL,
		plan->reference ? plan->reference : target.image, &config, &networks);
	if (!docker_create(name, config, &id, err))
		return false;
	json_object_foreach(networks, network, endpoint)
	{
		if (!docker_connect(network, id, endpoint, err))
			return false;
	}
	if (!docker_inspect(id, &made, err))
		return false;
	return str_is(made.image_id, plan->image_id)
		       ? container_give_key(site, &made, err)
		       : err_fail(err, ERR_VERIFY, "container '%s' is of image '%s', not '%s'",
				 name, made.image_id, plan->image_id);
}

/* Made under another name and renamed when nothing is missing. */
bool container_make(const Site *site, const ContainerPlan *plan, Err *err)
{
	AUTO(free_auto) char *half_name = str_format("%s" HALF_MADE, plan->name);
	AUTO(container_clear) Container half = {0};
	AUTO(err_clear) Err none = {0};

	if (docker_inspect(half_name, &half, &none) && !docker_remove(half.id, err))
		return false;
	return make(site, plan, half_name, err) && docker_rename(half_name, plan->name, err);
}

static bool bring_back(const Site *site, const json_t *record, const Container *kept, Err *err)
{
	const json_t *host = json_object_get(json_object_get(record, "inspected"), "HostConfig");

	return (str_is(kept->name, site->webui_container) ||
		       docker_rename(kept->id, site->webui_container, err)) &&
	       docker_set_restart(kept->id, json_object_get(host, "RestartPolicy"), err);
}

static bool point_plain(const Site *site, const json_t *record, const char *image_id, Err *err)
{
	AUTO(container_clear) Container there = {0};
	AUTO(container_clear) Container kept = {0};
	AUTO(err_clear) Err none = {0};
	const char *id = json_str(record, "id");
	bool found;

	if (!at_place(site, &there, &found, err))
		return false;
	if (found && !str_is(there.image_id, image_id))
		return err_fail(err, ERR_FOREIGN,
			"container '%s' was made anew by someone else, of image '%s'", there.name,
			there.image);
	if (found && !str_is(there.id, id))
		return true;
	if (str_is(json_str(record, "image"), image_id) && docker_inspect(id, &kept, &none))
		return bring_back(site, record, &kept, err);
	const ContainerPlan plan = {.inspected = json_object_get(record, "inspected"),
		.name = site->webui_container,
		.image_id = image_id};

	return container_make(site, &plan, err);
}

bool container_link_point(const Site *site, const char *image_id, Err *err)
{
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(free_auto) char *words = site_container_words(site);
	AUTO(container_clear) Container there = {0};
	bool found = false;

	if (!read_record(site, &record, err))
		return false;
	/* Killed between the intent and the record: nothing was set aside. */
	if (!json_str(record, "run") && !at_place(site, &there, &found, err))
		return false;
	if (found && str_is(there.image_id, image_id))
		return true;
	if (!json_str(record, "run"))
		return err_fail(err, ERR_INTERNAL, "nothing is known of how the %s was", words);
	return site->service == SERVICE_COMPOSE ? compose_link_point(site, record, image_id, err)
						: point_plain(site, record, image_id, err);
}

bool container_link_save(const Site *site, const json_t *record, Err *err)
{
	return write_record(site, record, err);
}

bool container_link_release(const Site *site, const char *run, Err *err)
{
	AUTO(free_auto) char *path = site_path(site, RECORD);
	AUTO(json_release_auto) json_t *record = NULL;

	if (!read_record(site, &record, err))
		return false;
	return !record || !str_is(json_str(record, "run"), run) || file_remove(path, err);
}

bool container_link_kept(const Site *site, const StrList *runs, StrList *ret_names, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *start = NULL;

	if (site->service != SERVICE_CONTAINER)
		return true;
	start = kept_name(site, "");
	if (!docker_stopped(&names, err))
		return false;
	for (size_t i = 0; i < names.len; i++)
		if (str_starts(names.items[i], start) &&
			!strlist_has(runs, names.items[i] + strlen(start)))
			strlist_add(ret_names, names.items[i]);
	return true;
}

bool container_link_drop_kept(const Site *site UNUSED, const char *name, Err *err)
{
	AUTO(container_clear) Container kept = {0};
	AUTO(err_clear) Err none = {0};

	if (docker_inspect(name, &kept, &none))
		return docker_remove(kept.id, err);
	if (none.kind == ERR_VERIFY)
		return true;
	err_move(err, &none);
	return false;
}

bool container_link_has_ground(const Site *site, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;

	if (!site_in_container(site) || !container_link_inspected(site, &inspected) ||
		container_check_volumes(inspected, err))
		return true;
	if (err->kind != ERR_VERIFY)
		return false;
	err->kind = ERR_PERSON;
	return err_hint(err,
		"bring it back with what was in it, and type: belay resume; without it: "
		"RESTORE.md in the newest set of 'belay backups'");
}
