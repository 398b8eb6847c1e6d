/* build.h - make the environment of a target release beside the current one, while that one serves.
 *
 * With uv if present (or as the site says), else python -m venv and pip; the interpreter is the
 * base Python of the current release (never one inside another release); conda environments are
 * cloned. Extras and overrides as the site has them. Byte code is compiled here, not at the first
 * start. Packages that the site had beyond Open WebUI's own are installed too, or named in a notice
 * when they cannot be. `.env` is copied, the database driver import-tested, `pip check`-like
 * conflicts found by uv/pip. The marker .belay-release.json is written last: without it and with
 * the sign of a build (marker.h) a folder is a leftover that the next build removes. Everything
 * runs as the site's user. */
#pragma once
#include "base/error.h"
#include "release/release.h"

/* ENV.releases/VERSION; kept as it is when complete already (and, if ours, of the same extras
 * and overrides). */
bool release_build(const Site *site, const Release *current, const char *version,
	const char *log_file, Release *ret, Err *err) NODISCARD;
/* The same where nothing is installed yet: with the interpreter `python`, and with those of
 * `packages`
 * ("name==version") that Open WebUI does not bring by itself. */
bool release_build_first(const Site *site, const char *python, const StrList *packages,
	const char *version, const char *log_file, Release *ret, Err *err) NODISCARD;
/* Remove ENV.releases/VERSION if it is the leftover of an unfinished build (marker.h); the
 * environment from before the first upgrade has no marker either and is never touched. */
bool release_sweep(const Site *site, const char *version, Err *err) NODISCARD;
/* Packages ("name==version") that `current` has and a clean install of its version would not. */
bool release_extra_packages(
	const Site *site, const Release *current, StrList *ret, Err *err) NODISCARD;
/* `pip freeze` of a release through its own Python's metadata, sorted. */
bool release_freeze(const Release *release, StrList *ret, Err *err) NODISCARD;
