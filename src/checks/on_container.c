/* Checks on a server in a container. */
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "compose/compose_image.h"
#include "docker/docker_program.h"
#include "os/file.h"
#include "release/compose_link.h"
#include "release/image.h"
#include "release/site_container.h"
#include "release/throwaway.h"

/* What would not be the same container again, or not for long. */
static bool check_recreation(
	const Site *site, const json_t *inspected, const Container *container, Err *why)
{
	if (json_flag(json_object_get(inspected, "HostConfig"), "AutoRemove", false)) {
		err_fail(why, ERR_REFUSED,
			"the container removes itself when it stops (--rm): there would be no way "
			"back to it");
		return err_hint(why, "make it anew without --rm, with a restart policy");
	}
	/* Files in it change places by rename. */
	return container_has_own_network(container, why) &&
	       path_exchange_works(site->webui.data_dir, why) &&
	       container_check_volumes(inspected, why);
}

FindingKind check_container(const CheckCtx *ctx, Err *why)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *docker = NULL;

	if (geteuid() != 0) {
		err_fail(why, ERR_REFUSED,
			"containers are upgraded by root only: belay leads a throw-away container "
			"to the database and moves files in the volume");
		err_hint(why, "sudo belay …");
		return FINDING_REFUSED;
	}
	if (!docker_is_ordinary(why) || !docker_program(&docker, why))
		return FINDING_REFUSED;
	if (!site_container_json(ctx->site, &inspected, why) ||
		!docker_read_inspected(inspected, &container, why))
		return FINDING_UNKNOWN;
	return docker_is_here(&container, why) &&
			       check_recreation(ctx->site, inspected, &container, why)
		       ? FINDING_OK
		       : FINDING_REFUSED;
}

/* Also where a variable came from the shell of whoever typed `docker compose up`. */
static bool is_of_files(const Site *site, const char *image, Err *why)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(site, &container, why))
		return false;
	if (str_is(container.image, image))
		return true;
	err_fail(why, ERR_REFUSED,
		"container '%s' was made from image '%s', but the files of the project say '%s'",
		container.name, container.image, image);
	return err_hint(why,
		"if the files are right: cd '%s' && docker compose -p %s up -d %s; if a variable of the "
		"shell was: write it into .env",
		site->start_directory, site->compose_project, site->compose_service);
}

static bool names_version(const ComposeImage *image)
{
	const char *tag = image->tag;

	return image->digest || (tag && strchr("0123456789", tag[tag[0] == 'v']));
}

/* A file that pins a digest gets that of the target. */
static bool has_digest(const CheckCtx *ctx, Err *why)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(free_auto) char *reference = NULL;
	AUTO(free_auto) char *digest = NULL;
	bool found;

	return image_reference_for(ctx->site, ctx->version, &reference, why) &&
	       docker_image(reference, &image, &found, why) &&
	       (!found || image_digest_of(reference, image.id, &digest, why));
}

/* No rehearsal has seen that. To apply it first would lose a key that is only in the container. */
static FindingKind say_changed(const Site *site, Err *why)
{
	err_fail(why, ERR_REFUSED,
		"the files of project '%s' have changed since the container of service '%s' was made, "
		"or a variable of a shell went into it: the next one will be as they say now",
		site->compose_project, site->compose_service);
	return FINDING_WARNING;
}

FindingKind check_image_tag(const CheckCtx *ctx, Err *why)
{
	const Site *site = ctx->site;
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(free_auto) char *tag = NULL;
	bool same;

	if (site->service != SERVICE_COMPOSE)
		return FINDING_OK;
	if (!site->compose_files) {
		err_fail(why, ERR_REFUSED, "the files of the compose project are not known");
		err_hint(why, "write 'compose_files = …' into the site file");
		return FINDING_REFUSED;
	}
	if (!compose_image_read(
		    site->compose_files, site->start_directory, site->compose_service, &image, why))
		return FINDING_REFUSED;
	tag = compose_tag_for(image.tag, ctx->current->version);
	if (!is_of_files(site, image.text, why) ||
		!compose_image_plan(site->compose_files, site->start_directory,
			site->compose_service, tag, image.digest, &edit, why))
		return FINDING_REFUSED;
	if (image.digest && ctx->version && !has_digest(ctx, why))
		return FINDING_REFUSED;
	if (!compose_link_is_same(site, &same, why))
		return FINDING_UNKNOWN;
	if (!same)
		return say_changed(site, why);
	if (names_version(&image))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"the tag '%s' names no version: each pull may bring another one ('%s', line %d)",
		image.tag ? image.tag : "latest", edit.file, edit.line);
	err_hint(why, "write '%s%s' there", image.tag ? "" : ":", tag);
	return FINDING_WARNING;
}

/* A volume that was removed and made again is empty, and has the same name. */
FindingKind check_data_mount(const CheckCtx *ctx, Err *why)
{
	AUTO(container_clear) Container container = {0};

	if (!site_container(ctx->site, &container, why))
		return FINDING_UNKNOWN;
	for (size_t i = 0; i < container.mounts.len; i++) {
		const char *mount = container.mounts.items[i];
		const size_t len = strcspn(mount, ":");

		if (strncmp(mount, ctx->site->data_dir, len) == 0 &&
			(ctx->site->data_dir[len] == '\0' || ctx->site->data_dir[len] == '/'))
			return FINDING_OK;
	}
	err_fail(why, ERR_REFUSED, "container '%s' has no mount of '%s', where the site's data is",
		container.name, ctx->site->data_dir);
	err_hint(why, "belay adopt");
	return FINDING_REFUSED;
}

/* A container that was made anew has made itself a new key. */
FindingKind check_container_key(const CheckCtx *ctx, Err *why)
{
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *key = NULL;
	char sha256[SHA256_HEX_SIZE];

	if (!site_container(ctx->site, &container, why) || !container_key(&container, &key, why))
		return FINDING_UNKNOWN;
	if (!key)
		return FINDING_OK;
	sha256_of(key, strlen(key), sha256);
	if (str_is(sha256, ctx->site->webui.key_sha256))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"container '%s' has another secret key than the one in '%s': it was made anew "
		"since belay adopt",
		container.name, ctx->site->webui.key_file);
	err_hint(why, "belay adopt (it takes the new one and keeps the old one beside it)");
	return FINDING_REFUSED;
}
