/* package.h - the target's wheel before it is installed: fetched without its dependencies and
 * unpacked under STATE/packages/VERSION/, so that checks, notes and the list of migrations come
 * from the very files that will run. uv or pip do it with their own settings (index, proxy, CA),
 * run as the site's user; with `wheels` no network is used. */
#pragma once
#include "base/error.h"
#include "config/site.h"

/* "latest" or NULL: the newest release that is not known to be bad (known_bad.h), asked of the
 * index or the wheels folder; else the canonical form of what was given. ERR_NETWORK without an
 * index. */
bool package_resolve(const Site *site, const char *wanted, char **ret_version, Err *err) NODISCARD;
/* The folder …/open_webui of that version. A second call finds it there. ERR_REFUSED, with the
 * newest known versions in the hint, when no such version exists. */
bool package_fetch(
	const Site *site, const char *version, char **ret_package_dir, Err *err) NODISCARD;
/* What a killed belay had not fetched whole, and the folder in /var/tmp in which the site's user
 * unpacked it. */
bool package_sweep(const Site *site, Err *err) NODISCARD;
/* "Requires-Python" of a fetched package: does this Python ("3.11") fit? */
bool package_accepts_python(const char *package_dir, const char *python_version, bool *ret,
	char **ret_requires, Err *err) NODISCARD;
