/* release.h - one installed version of Open WebUI: an environment with a Python in it.
 *
 * Releases lie in ENV.releases/VERSION/; ENV itself is the environment (before the first upgrade)
 * or a symbolic link to one of them. Anything inside a release is started through its own
 * bin/python: console scripts of a moved environment still name the old path in their first line.
 */
#pragma once
#include "base/error.h"
#include "config/site.h"

typedef struct Release {
	char *version;        /* from dist-info, never from `open-webui --version` (prints 0.0.0) */
	char *path;           /* real path of the environment */
	char *python;         /* PATH/bin/python */
	char *site_packages;  /* PATH/lib/pythonX.Y/site-packages */
	char *package_dir;    /* SITE_PACKAGES/open_webui */
	char *python_version; /* "3.11" */
	char *image; /* of a container: how it is named; then path is its id, python that of the
		      * image, and package_dir what was taken out of it. NULL: an environment */
	bool conda;
	bool system; /* the system's Python or the user site: path is its prefix, never changed */
	bool ours;   /* built by belay: has .belay-release.json, written last */
} Release;

typedef struct ReleaseList {
	Release *items; /* by version, ascending */
	size_t len;
} ReleaseList;

/* ERR_VERIFY when there is no complete Open WebUI in that environment. */
bool release_at(const char *environment, Release *ret, Err *err) NODISCARD;
/* The same for what the journal calls the home of a release: an environment's path, or the id of an
 * image. */
bool release_at_home(const Site *site, const char *home, Release *ret, Err *err) NODISCARD;
/* What ENV resolves to now, or the system's installation while a site that has one has no ENV yet.
 * ERR_VERIFY naming the run when it is the stub of an unfinished one. */
bool release_current(const Site *site, Release *ret, Err *err) NODISCARD;
bool release_list(const Site *site, ReleaseList *ret, Err *err) NODISCARD;
/* One in ENV.releases (or the current one) with that version; *ret_found false if none. */
bool release_find(
	const Site *site, const char *version, Release *ret, bool *ret_found, Err *err) NODISCARD;
void release_clear(Release *release);
void release_list_clear(ReleaseList *list);
