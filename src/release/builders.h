/* builders.h - what goes on working in a release whose build was killed. The installer dies with
 * belay, those whom it had started do not: a worker that compiles byte code makes folders anew that
 * were just removed. */
#pragma once
#include "base/error.h"

/* Ends every process that runs a program of the release; nothing is served from an unfinished one.
 */
bool builders_end(const char *release_path, Err *err) NODISCARD;
