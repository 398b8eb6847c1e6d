#include "release/image.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_change.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/image_get.h"
#include "release/site_container.h"
#include "release/throwaway.h"
#include "release/version.h"

#define OWN_REPOSITORY "belay.local/"
#define RECORD         "image.json"
#define RECORD_MAX     65536
#define TREE_MAX       ((size_t)16 << 20)
#define LOG_MAX        ((size_t)8 << 20)
#define SHORT_ID       12

/* ---- names ---- */

static const char *hex_of(const char *id)
{
	return str_starts(id, "sha256:") ? id + strlen("sha256:") : id;
}

static bool check_id(const char *id, Err *err)
{
	const char *hex = hex_of(id);

	return (strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64) ||
	       err_fail(err, ERR_VERIFY, "'%s' is no id of an image", id);
}

static char *folder_of(const Site *site, const char *id)
{
	AUTO(free_auto) char *images = site_path(site, "images");

	return path_join(images, hex_of(id));
}

static char *own_repository(const Site *site)
{
	AUTO(text_clear) Text out = TEXT_INIT(256);

	text_add(&out, OWN_REPOSITORY);
	for (const char *c = site->name; *c; c++)
		text_addf(
			&out, "%c", isalnum((unsigned char)*c) ? tolower((unsigned char)*c) : '-');
	/* A component of a name begins and ends with a letter or number. */
	while (out.len && out.data[out.len - 1] == '-')
		out.data[--out.len] = '\0';
	return text_take(&out);
}

static bool keep(const Site *site, const Release *release, Err *err)
{
	AUTO(free_auto) char *repository = own_repository(site);
	AUTO(free_auto)
	char *tag = str_format("%s-%.*s", release->version, SHORT_ID, hex_of(release->path));

	return docker_image_tag(release->path, repository, tag, err);
}

/* ---- what is taken out ---- */

static bool read_record(const char *folder, json_t **ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(folder, RECORD);
	AUTO(free_auto) char *text = NULL;
	size_t len;

	*ret = NULL;
	if (!file_exists(path))
		return true;
	return file_read(path, RECORD_MAX, &text, &len, err) &&
	       json_parse(text, len, RECORD_MAX, ret, err);
}

static bool write_record(const char *folder, const json_t *record, Err *err)
{
	AUTO(free_auto) char *path = path_join(folder, RECORD);
	AUTO(free_auto) char *text = json_pretty(record);

	return file_write_text(path, text, 0600, err);
}

static bool take_files(const Container *container, const char *to, Err *err)
{
	const char *dir = str_empty(container->dir) ? "/app/backend" : container->dir;
	AUTO(free_auto) char *base = path_folder(dir);
	AUTO(free_auto) char *log = path_join(base, "CHANGELOG.md");
	AUTO(free_auto) char *from = path_join(dir, "open_webui/migrations");
	AUTO(free_auto) char *package = path_join(to, "open_webui");
	AUTO(free_auto) char *migrations = path_join(package, "migrations");
	AUTO(free_auto) char *change_log = path_join(package, "CHANGELOG.md");
	AUTO(free_auto) char *text = NULL;
	bool found;

	if (!docker_read_tree(container->id, from, migrations, TREE_MAX, &found, err))
		return false;
	if (!found)
		return err_fail(err, ERR_VERIFY,
			"image '%s' is no Open WebUI: there is no '%s' in it", container->image,
			from);
	return docker_read_file(container->id, log, LOG_MAX, &text, err) &&
	       (!text || file_write_text(change_log, text, 0600, err));
}

static bool look_inside(const char *container, const char *id, const char *reference,
	const char *to, json_t **ret, Err *err)
{
	AUTO(container_clear) Container inside = {0};
	AUTO(free_auto) char *version = NULL;

	if (!docker_inspect(container, &inside, err) ||
		!container_version(&inside, &version, err) || !take_files(&inside, to, err))
		return false;
	*ret = json_object();
	json_put(*ret, "id", id);
	json_put(*ret, "reference", reference);
	json_put(*ret, "version", version);
	json_put(*ret, "dir", inside.dir);
	return write_record(to, *ret, err);
}

static bool take_out(const Site *site, const char *id, const char *reference, const char *folder,
	json_t **ret, Err *err)
{
	AUTO(free_auto) char *partial = str_format("%s.partial", folder);
	AUTO(free_auto) char *container = NULL;
	AUTO(err_clear) Err cleaning = {0};
	const ThrowawaySpec look = {.site = site, .purpose = "look", .image = id};
	bool done;

	if (!tree_remove(partial, err) || !dir_make(partial, 0700, err) ||
		!throwaway_make(&look, &container, err))
		return false;
	done = look_inside(container, id, reference, partial, ret, err);
	if (!docker_remove(container, &cleaning) && done) {
		err_move(err, &cleaning);
		return false;
	}
	return done && tree_remove(folder, err) && file_rename(partial, folder, err);
}

static void fill(const json_t *record, const char *folder, Release *ret)
{
	*ret = (Release){
		.version = str_dup(json_str(record, "version")),
		.path = str_dup(json_str(record, "id")),
		.python = str_dup("python3"),
		.package_dir = path_join(folder, "open_webui"),
		.python_version = str_dup("3"),
		.image = str_dup(json_str(record, "reference")),
		.ours = true,
	};
}

/* How the site names it now, and which one that is at the registry. */
static bool remember_names(
	const char *folder, const char *reference, const char *id, json_t *record, Err *err)
{
	AUTO(free_auto) char *pinned = NULL;

	if (!image_pinned(reference, id, &pinned, err))
		return false;
	if (str_is(json_str(record, "reference"), reference) &&
		str_is(json_str(record, "digest"), pinned))
		return true;
	json_put(record, "reference", reference);
	json_put(record, "digest", pinned);
	return write_record(folder, record, err);
}

bool image_take(const Site *site, const char *id, const char *reference, Release *ret, Err *err)
{
	AUTO(free_auto) char *folder = folder_of(site, id);
	AUTO(json_release_auto) json_t *record = NULL;

	if (!check_id(id, err) || !read_record(folder, &record, err))
		return false;
	if (!record && !take_out(site, id, reference, folder, &record, err))
		return err_wrap(err, "looking into image '%s'", reference);
	if (!remember_names(folder, reference, id, record, err))
		return false;
	fill(record, folder, ret);
	return true;
}

bool image_release(const Site *site, const char *id, Release *ret, Err *err)
{
	AUTO(free_auto) char *folder = folder_of(site, id);
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(json_release_auto) json_t *record = NULL;
	bool found;

	if (!check_id(id, err) || !read_record(folder, &record, err))
		return false;
	if (!record)
		return err_fail(err, ERR_VERIFY, "nothing is known of image '%s'", id);
	if (!docker_image(id, &image, &found, err))
		return false;
	if (!found) {
		err_fail(err, ERR_VERIFY, "image '%s' (%s) is not there any more",
			json_str(record, "reference"), id);
		return err_hint(err, "docker pull %s", json_str(record, "reference"));
	}
	fill(record, folder, ret);
	return true;
}

/* ---- fetching ---- */

static bool check_platform(const DockerImage *image, const char *reference, Err *err)
{
	AUTO(free_auto) char *ours = NULL;
	AUTO(free_auto) char *its = str_format("%s/%s", image->os, image->architecture);

	if (!docker_platform(&ours, err))
		return false;
	return str_is(ours, its) ||
	       err_fail(err, ERR_REFUSED, "image '%s' is for %s, and this machine is %s", reference,
		       its, ours);
}

static bool fetch(const Site *site, const char *version, Release *ret, Err *err)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(release_clear) Release release = {0};
	AUTO(free_auto) char *reference = NULL;

	if (!image_reference_for(site, version, &reference, err) ||
		!image_get(site, reference, &image, err) ||
		!check_platform(&image, reference, err) ||
		!image_take(site, image.id, reference, &release, err))
		return false;
	if (version_compare(release.version, version) != 0)
		return err_fail(err, ERR_REFUSED, "image '%s' holds version %s, not %s", reference,
			release.version, version);
	*ret = release;
	release = (Release){0};
	return true;
}

bool image_fetch(const Site *site, const char *version, char **ret_package_dir, Err *err)
{
	AUTO(release_clear) Release release = {0};

	if (!fetch(site, version, &release, err))
		return false;
	*ret_package_dir = TAKE(release.package_dir);
	return true;
}

bool image_build(
	const Site *site, const Release *current, const char *version, Release *ret, Err *err)
{
	AUTO(release_clear) Release from = {0};
	AUTO(release_clear) Release to = {0};

	if (!image_take(site, current->path, current->image, &from, err) ||
		!keep(site, &from, err) || !fetch(site, version, &to, err) || !keep(site, &to, err))
		return false;
	*ret = to;
	to = (Release){0};
	return true;
}

bool image_name_leads_to(const char *reference, const char *id, Err *err)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(free_auto) char *tag = image_tag_of(reference);
	AUTO(free_auto) char *repository = NULL;
	bool found;

	if (!docker_image(reference, &image, &found, err))
		return false;
	if (found && str_is(image.id, id))
		return true;
	if (strchr(reference, '@'))
		return err_fail(err, ERR_VERIFY, "image '%s' is not there any more", reference);
	repository = str_dup_n(reference, strlen(reference) - (tag ? strlen(tag) + 1 : 0));
	return docker_image_tag(id, repository, tag ? tag : "latest", err);
}

bool image_pinned(const char *reference, const char *image_id, char **ret, Err *err)
{
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(free_auto) char *tag = image_tag_of(reference);
	const size_t named = strcspn(reference, "@") - (tag ? strlen(tag) + 1 : 0);
	AUTO(free_auto) char *start = str_format("%.*s@", (int)named, reference);
	bool found;

	*ret = NULL;
	if (!docker_image(image_id, &image, &found, err))
		return false;
	for (size_t i = 0; found && !*ret && i < image.digests.len; i++)
		if (str_starts(image.digests.items[i], start))
			*ret = str_dup(image.digests.items[i]);
	return true;
}

bool image_digest_of(const char *reference, const char *image_id, char **ret, Err *err)
{
	AUTO(free_auto) char *pinned = NULL;

	if (!image_pinned(reference, image_id, &pinned, err))
		return false;
	if (!pinned)
		return err_fail(err, ERR_REFUSED,
			"image '%s' has no digest of a registry, and the compose file pins one",
			reference);
	*ret = str_dup(strchr(pinned, '@') + 1);
	return true;
}

bool image_unneeded(const Site *site, const StrList *kept, StrList *ret_ids, Err *err)
{
	AUTO(free_auto) char *images = site_path(site, "images");
	AUTO(strlist_clear) StrList names = {0};

	if (!file_exists(images))
		return true;
	if (!dir_list(images, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *id = str_format("sha256:%s", names.items[i]);
		AUTO(err_clear) Err other = {0};

		if (check_id(id, &other) && !strlist_has(kept, id))
			strlist_add(ret_ids, id);
	}
	return true;
}

bool image_let_go(const Site *site, const char *id, Err *err)
{
	AUTO(free_auto) char *folder = folder_of(site, id);
	AUTO(free_auto) char *repository = own_repository(site);
	AUTO(json_release_auto) json_t *record = NULL;
	AUTO(free_auto) char *name = NULL;

	if (!check_id(id, err) || !read_record(folder, &record, err))
		return false;
	if (json_str(record, "version"))
		name = str_format("%s:%s-%.*s", repository, json_str(record, "version"), SHORT_ID,
			hex_of(id));
	return (!name || docker_image_untag(name, err)) && tree_remove(folder, err);
}
