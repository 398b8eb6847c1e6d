/* ini_file.h - the syntax of site files: [section], key = value, whole-line comments (# or ;). */
#pragma once
#include "base/error.h"

/* Calls `each` for every key in order, with its line number. false from it (err set) ends the walk.
 * ERR_CONFIG, with file:line in front, for what is neither of these and for a continued line. */
bool ini_walk(const char *text, const char *file,
	bool (*each)(void *arg, const char *section, const char *name, const char *value, int line,
		Err *err),
	void *arg, Err *err) NODISCARD;
