/* package_list.h - which versions of open-webui can be had: from the wheels folder, or asked of the
 * index through uv or pip. Only package.c includes this. */
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
