/* json.h - the only includer of jansson, with the few things we do all the time.
 * Ownership is jansson's: functions ending in _new steal, json_decref releases, and
 * AUTO(json_decref_auto) json_t *x releases at the end of the scope. */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

UNUSED static inline void json_release_auto(json_t **slot)
{
	json_decref(*slot);
}

/* Parse text from outside: at most max_bytes, depth limited by jansson, duplicates rejected. */
bool json_parse(const char *text, size_t len, size_t max_bytes, json_t **ret, Err *err) NODISCARD;
/* Members of an object; NULL / fallback when absent or of another type. */
const char *json_str(const json_t *object, const char *key);
int64_t json_int(const json_t *object, const char *key, int64_t fallback);
bool json_flag(const json_t *object, const char *key, bool fallback);
/* Sets a string member, or null for NULL. */
void json_put(json_t *object, const char *key, const char *value);
void json_put_int(json_t *object, const char *key, int64_t value);
/* Keys in insertion order; one line / indented. Never NULL. */
char *json_line(const json_t *value);
char *json_pretty(const json_t *value);
