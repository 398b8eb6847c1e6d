#include "release/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"
#include "release/image.h"
#include "release/link.h"
#include "release/marker.h"
#include "release/site_container.h"
#include "release/version.h"

#define DIST_PREFIX "open_webui-"
#define DIST_SUFFIX ".dist-info"

/* A dist-info folder without RECORD is what an interrupted install leaves behind; a package folder
 * without one is a checkout or an interrupted uninstall. Only both together are a release. */
static bool dist_is_complete(const char *site_packages, const char *dist)
{
	AUTO(free_auto) char *folder = path_join(site_packages, dist);
	AUTO(free_auto) char *metadata = path_join(folder, "METADATA");
	AUTO(free_auto) char *record = path_join(folder, "RECORD");
	AUTO(free_auto) char *init = path_join(site_packages, "open_webui/__init__.py");

	return file_exists(metadata) && file_exists(record) && file_exists(init);
}

static char *version_of_dist(const char *dist)
{
	size_t prefix = strlen(DIST_PREFIX), suffix = strlen(DIST_SUFFIX), len = strlen(dist);

	if (len <= prefix + suffix || !str_starts(dist, DIST_PREFIX) ||
		!str_ends(dist, DIST_SUFFIX))
		return NULL;
	return str_dup_n(dist + prefix, len - prefix - suffix);
}

/* *ret stays NULL when there is none. Two complete ones are what `pip install` killed half way
 * leaves: nobody can say which version would run. */
static bool find_version(const char *site_packages, char **ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *found = NULL;

	if (!dir_list(site_packages, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *version = version_of_dist(names.items[i]);

		if (!version || !dist_is_complete(site_packages, names.items[i]))
			continue;
		if (found)
			return err_fail(err, ERR_VERIFY,
				"'%s' holds two versions of Open WebUI, '%s' and '%s'",
				site_packages, found, version);
		found = TAKE(version);
	}
	*ret = TAKE(found);
	return true;
}

/* PATH/lib/pythonX.Y/site-packages with Open WebUI in it. An environment whose Python was replaced
 * can have more than one pythonX.Y folder. */
static bool find_package(const char *path, Release *out, Err *err)
{
	AUTO(free_auto) char *lib = path_join(path, "lib");
	AUTO(strlist_clear) StrList names = {0};

	if (file_kind(lib) != FILE_FOLDER)
		return true;
	if (!dir_list(lib, &names, err))
		return false;
	for (size_t i = 0; i < names.len && !out->version; i++) {
		AUTO(free_auto) char *folder = path_join(lib, names.items[i]);
		AUTO(free_auto) char *site_packages = path_join(folder, "site-packages");

		if (!str_starts(names.items[i], "python3.") ||
			file_kind(site_packages) != FILE_FOLDER)
			continue;
		if (!find_version(site_packages, &out->version, err))
			return false;
		if (!out->version)
			continue;
		out->package_dir = path_join(site_packages, "open_webui");
		out->site_packages = TAKE(site_packages);
		out->python_version = str_dup(names.items[i] + strlen("python"));
	}
	return true;
}

bool release_at(const char *environment, Release *ret, Err *err)
{
	AUTO(release_clear) Release out = {0};
	AUTO(free_auto) char *path = path_real(environment);
	AUTO(free_auto) char *conda = NULL;
	AUTO(free_auto) char *marker = NULL;

	if (!path)
		return err_fail(err, ERR_VERIFY, "no environment at '%s'", environment);
	out.python = path_join(path, "bin/python");
	if (!file_exists(out.python))
		return err_fail(err, ERR_VERIFY,
			"no Python environment at '%s': 'bin/python' is missing", path);
	if (!find_package(path, &out, err))
		return false;
	if (!out.version)
		return err_fail(
			err, ERR_VERIFY, "no complete Open WebUI in the environment '%s'", path);
	conda = path_join(path, "conda-meta");
	out.conda = file_kind(conda) == FILE_FOLDER;
	marker = path_join(path, RELEASE_MARKER);
	out.ours = file_exists(marker);
	out.path = TAKE(path);
	*ret = out;
	memset(&out, 0, sizeof(out));
	return true;
}

bool release_at_home(const Site *site, const char *home, Release *ret, Err *err)
{
	return site_in_container(site) ? image_release(site, home, ret, err)
				       : release_at(home, ret, err);
}

/* Its Python and its packages lie apart, and its prefix may have no Python at all. */
static bool release_of_system(const Site *site, Release *ret, Err *err)
{
	AUTO(release_clear) Release out = {.system = true};
	AUTO(free_auto) char *bin = path_folder(site->system_script);
	AUTO(free_auto) char *python_folder = NULL;

	out.path = path_folder(bin);
	out.python = str_dup(site->system_python ? site->system_python : "/usr/bin/python3");
	out.site_packages = system_packages(site->system_script, out.python);
	if (out.site_packages && !find_version(out.site_packages, &out.version, err))
		return false;
	if (!out.version || !file_exists(out.python)) {
		err_fail(err, ERR_VERIFY,
			"no complete Open WebUI below '%s' for '%s', and no environment at '%s' yet",
			out.path, out.python, site->environment);
		return err_hint(err, "belay adopt");
	}
	out.package_dir = path_join(out.site_packages, "open_webui");
	python_folder = path_folder(out.site_packages);
	out.python_version = str_dup(path_name(python_folder) + strlen("python"));
	*ret = out;
	memset(&out, 0, sizeof(out));
	return true;
}

bool release_current(const Site *site, Release *ret, Err *err)
{
	AUTO(free_auto) char *target = NULL;
	LinkState state;

	if (site_in_container(site))
		return release_of_container(site, ret, err);
	if (system_serves(site))
		return release_of_system(site, ret, err);
	if (!link_state(site, &state, &target, err))
		return false;
	if (state == LINK_STUB) {
		err_fail(err, ERR_VERIFY, "run '%s' is unfinished: '%s' names no release", target,
			site->environment);
		return err_hint(err, "belay resume");
	}
	if (state == LINK_OTHER)
		return err_fail(
			err, ERR_VERIFY, "'%s' is no environment: %s", site->environment, target);
	return release_at(site->environment, ret, err);
}

static void list_add(ReleaseList *list, Release *release)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_is(list->items[i].path, release->path)) {
			release_clear(release);
			return;
		}
	list->items = mem_resize(list->items, list->len + 1, sizeof(*list->items));
	list->items[list->len++] = *release;
	memset(release, 0, sizeof(*release));
}

static int by_version(const void *a, const void *b)
{
	return version_compare(((const Release *)a)->version, ((const Release *)b)->version);
}

/* What is not a complete release is left out, whatever it is: a list must not fail because somebody
 * put a file there. */
static void list_add_at(ReleaseList *list, const char *path)
{
	AUTO(err_clear) Err ignored = {0};
	Release release = {0};

	if (release_at(path, &release, &ignored))
		list_add(list, &release);
}

static void list_add_system(ReleaseList *list, const Site *site)
{
	AUTO(err_clear) Err ignored = {0};
	Release release = {0};

	if (release_of_system(site, &release, &ignored))
		list_add(list, &release);
}

/* The images that an upgrade may use are the engine's; what is known of the site is the one that
 * serves. */
static bool list_of_container(const Site *site, ReleaseList *ret, Err *err)
{
	AUTO(release_clear) Release release = {0};

	if (!release_of_container(site, &release, err))
		return false;
	list_add(ret, &release);
	return true;
}

bool release_list(const Site *site, ReleaseList *ret, Err *err)
{
	if (site_in_container(site))
		return list_of_container(site, ret, err);
	AUTO(free_auto) char *folder = site_releases_dir(site);
	AUTO(strlist_clear) StrList names = {0};
	AUTO(release_list_clear) ReleaseList list = {0};

	if (file_kind(folder) == FILE_FOLDER && !dir_list(folder, &names, err))
		return err_wrap(err, "listing the releases");
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (names.items[i][0] != '.' && file_kind(path) == FILE_FOLDER &&
			!marker_is_building(path))
			list_add_at(&list, path);
	}
	if (system_serves(site))
		list_add_system(&list, site);
	else
		list_add_at(&list, site->environment);
	if (list.len > 0)
		qsort(list.items, list.len, sizeof(*list.items), by_version);
	*ret = list;
	memset(&list, 0, sizeof(list));
	return true;
}

bool release_find(const Site *site, const char *version, Release *ret, bool *ret_found, Err *err)
{
	AUTO(release_list_clear) ReleaseList list = {0};

	if (!release_list(site, &list, err))
		return false;
	*ret_found = false;
	for (size_t i = 0; i < list.len && !*ret_found; i++) {
		if (version_compare(list.items[i].version, version) != 0)
			continue;
		*ret = list.items[i];
		memset(&list.items[i], 0, sizeof(Release));
		*ret_found = true;
	}
	return true;
}

void release_clear(Release *release)
{
	free(release->version);
	free(release->path);
	free(release->python);
	free(release->site_packages);
	free(release->package_dir);
	free(release->python_version);
	free(release->image);
	memset(release, 0, sizeof(*release));
}

void release_list_clear(ReleaseList *list)
{
	for (size_t i = 0; i < list->len; i++)
		release_clear(&list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}
