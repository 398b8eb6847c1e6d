/* package_list.h - which versions of open-webui can be had: from the wheels folder, or asked of the
 * index through uv or pip. Of src/, only package.c includes this. */
#pragma once
#include "base/error.h"
#include "base/list.h"
#include "config/site.h"

/* Newest first, without pre-releases; from uv, which names one at a time, only the newest few, and
 * enough of them that one is not known to be bad for `from`. ERR_NETWORK without an index. */
bool package_versions(
	const Site *site, const char *python, const char *from, StrList *ret, Err *err) NODISCARD;
/* VERSION of "open_webui-VERSION-py3-none-any.whl", NULL for anything else. */
char *package_wheel_version(const char *file_name);
/* What pip ("open-webui (0.12.4)\nAvailable versions: 0.12.4, 0.12.3, …") and uv
 * ("open-webui==0.12.4") answer. Only well-formed versions come out of pip's list; uv's one is as
 * it stands there. */
bool package_versions_of_pip(const char *said, StrList *ret, Err *err) NODISCARD;
bool package_version_of_uv(const char *said, char **ret, Err *err) NODISCARD;
