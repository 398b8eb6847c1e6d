/* stub.h - the environment that lets nothing start: ENV.releases/.stub-RUN/ with programs that say
 * which run is unfinished and exit 1, and an `activate` that leads to them. */
#pragma once
#include "base/error.h"

#define STUB_PREFIX ".stub-"

char *stub_path(const char *releases_dir, const char *run);
/* The run of a stub's path; NULL when it is none (points into `path`). */
const char *stub_run(const char *path);
/* Makes it, or completes one that a crash left half made. */
bool stub_make(const char *path, const char *run, Err *err) NODISCARD;
