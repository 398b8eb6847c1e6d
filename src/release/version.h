/* version.h - release numbers as PEP 440 orders them (the part Open WebUI uses: N.N.N, aN, bN, rcN,
 * .postN, .devN). "v0.8.0" is read as "0.8.0". */
#pragma once
#include "base/error.h"

/* The canonical form ("0.8.0"), ERR_USAGE for what is none. "latest" is not handled here. */
bool version_normal(const char *text, char **ret, Err *err) NODISCARD;
int version_compare(const char *a, const char *b); /* both canonical; <0, 0, >0 */
bool version_is_prerelease(const char *version);
