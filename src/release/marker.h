/* marker.h - which folders in ENV.releases belay made, and which of them are finished.
 *
 * ENV.releases/.building-VERSION is made before the folder ENV.releases/VERSION and goes away after
 * the marker VERSION/.belay-release.json was written. So a folder with the sign and without the
 * marker is a leftover of a killed build and may be removed; a folder with neither is an
 * environment that was there before belay (the first upgrade moves it there) and is never removed.
 * Installers have ENV.releases/.building-VERSION.tmp for their temporary files: it goes with the
 * sign. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "config/site.h"

#define RELEASE_MARKER ".belay-release.json"

bool marker_begin(const char *release_path, Err *err) NODISCARD;
char *marker_temp(const char *release_path);
/* Writes the marker, then takes the temporary files and the sign away. */
bool marker_finish(const char *release_path, const json_t *marker, Err *err) NODISCARD;
/* The sign is there and the marker is not. */
bool marker_is_building(const char *release_path);
/* *ret NULL when there is none. */
bool marker_read(const char *release_path, json_t **ret, Err *err) NODISCARD;
/* Remove a leftover, with its sign. Anything else is left alone. */
bool marker_sweep(const char *release_path, Err *err) NODISCARD;
/* Make ENV.releases, owned by whoever owns the environment: uv and pip run as that user in it. */
bool releases_dir_make(const Site *site, char **ret, Err *err) NODISCARD;
