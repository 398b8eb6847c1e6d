/* keys.h - the one table of site-file keys: parsing, defaults, limits, the text of a new site file,
 * `belay adopt --help` and docs/site-file.md all come from it. */
#pragma once
#include <stddef.h>

#include "base/error.h"
#include "config/site.h"

typedef enum { KEY_TEXT, KEY_PATH, KEY_PORT, KEY_SECONDS, KEY_CHOICE } KeyType;

typedef struct SiteKey {
	const char *section;   /* "webui", "service", "database", "upgrade", "backup", "belay" */
	const char *name;      /* in the file; with '-' for '_' an option of adopt */
	KeyType type;
	const char *fallback;  /* default as text, NULL: none */
	const char *choices;   /* KEY_CHOICE: "auto uv pip" */
	bool secret;
	size_t offset;         /* of the field in Site */
	const char *help;      /* N_("…"), one sentence */
} SiteKey;

extern const SiteKey site_keys[]; /* ends with name == NULL */
const SiteKey *site_key_find(const char *name);
/* Checks and stores one value; ERR_CONFIG names the key and what would be right. */
bool site_key_set(Site *site, const SiteKey *key, const char *value, Err *err) NODISCARD;
