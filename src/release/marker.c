#include "release/marker.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

#define MARKER_MAX_BYTES (64 * 1024)

static char *sign_path(const char *release_path)
{
	AUTO(free_auto) char *folder = path_folder(release_path);

	return str_format("%s/.building-%s", folder, path_name(release_path));
}

char *marker_temp(const char *release_path)
{
	AUTO(free_auto) char *sign = sign_path(release_path);

	return str_format("%s.tmp", sign);
}

static bool remove_sign(const char *release_path, Err *err)
{
	AUTO(free_auto) char *temp = marker_temp(release_path);
	AUTO(free_auto) char *sign = sign_path(release_path);

	return tree_remove(temp, err) && file_remove_unfinished(sign, err) &&
	       file_remove(sign, err);
}

bool marker_begin(const char *release_path, Err *err)
{
	AUTO(free_auto) char *sign = sign_path(release_path);

	return file_write_text(sign, "", 0644, err);
}

bool marker_finish(const char *release_path, const json_t *marker, Err *err)
{
	AUTO(free_auto) char *path = path_join(release_path, RELEASE_MARKER);
	AUTO(free_auto) char *text = json_pretty(marker);

	return file_write_text(path, text, 0644, err) && remove_sign(release_path, err);
}

bool marker_is_building(const char *release_path)
{
	AUTO(free_auto) char *path = path_join(release_path, RELEASE_MARKER);
	AUTO(free_auto) char *sign = sign_path(release_path);

	return file_exists(sign) && !file_exists(path);
}

bool marker_read(const char *release_path, json_t **ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(release_path, RELEASE_MARKER);
	AUTO(free_auto) char *text = NULL;
	size_t len;

	*ret = NULL;
	if (file_kind(path) != FILE_REGULAR)
		return true;
	return file_read(path, MARKER_MAX_BYTES, &text, &len, err) &&
	       json_parse(text, len, MARKER_MAX_BYTES, ret, err);
}

bool marker_sweep(const char *release_path, Err *err)
{
	if (marker_is_building(release_path) && file_kind(release_path) == FILE_FOLDER &&
		!tree_remove(release_path, err))
		return err_wrap(err, "removing an unfinished build");
	return remove_sign(release_path, err);
}

/* The owner is looked at each time: a crash between making and giving away leaves it with root. A
 * stub belongs to root, so nothing is ever given back to root. */
bool releases_dir_make(const Site *site, char **ret, Err *err)
{
	AUTO(free_auto) char *folder = site_releases_dir(site);
	struct stat now;
	/* Before there is an environment (system_python.h), that of the server. */
	struct stat wanted = {.st_uid = site->recipe.uid, .st_gid = site->recipe.gid};

	if (!dir_make(folder, 0755, err))
		return false;
	if (geteuid() == 0 &&
		(stat(site->environment, &wanted) == 0 ||
			file_kind(site->environment) == FILE_ABSENT) &&
		lstat(folder, &now) == 0 && now.st_uid == 0 && wanted.st_uid != 0 &&
		!file_chown(folder, wanted.st_uid, wanted.st_gid, err))
		return false;
	*ret = TAKE(folder);
	return true;
}
