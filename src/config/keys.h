/* keys.h - the one table of site-file keys: parsing, defaults, limits, the text of a new site file,
 * `belay adopt --help` and docs/site-file.md all come from it. */
#pragma once
#include <stddef.h>

#include "base/error.h"
#include "config/site.h"

typedef enum {
	KEY_TEXT,
	KEY_PATH, /* absolute */
	KEY_PORT,
	KEY_COUNT,   /* 0 to 9999, stored as int */
	KEY_RATE,    /* bytes a second: "500k", "20M", "1G"; stored as int64_t */
	KEY_SECONDS, /* "3", "1.5", "2min", "1h"; stored as int64_t milliseconds */
	KEY_CHOICE,  /* one of `choices`, stored as text */
	KEY_INDEX,   /* one of `choices`, stored as its position in an int or enum */
	KEY_FLAG,    /* yes or no, stored as bool */
} KeyType;

typedef struct SiteKey {
	const char *section; /* "webui", "service", "database", "upgrade", "backup", "belay" */
	const char *name;    /* in the file; with '-' for '_' an option of adopt */
	KeyType type;
	const char *fallback; /* default as text, NULL: none */
	const char *choices;  /* KEY_CHOICE, KEY_INDEX: "auto uv pip" */
	bool secret;
	size_t offset;    /* of the field in Site */
	const char *help; /* N_("…"), one sentence */
} SiteKey;

extern const SiteKey site_keys[]; /* ends with name == NULL */
const SiteKey *site_key_find(const char *name);
/* Checks and stores one value; ERR_CONFIG names the key and what would be right. */
bool site_key_set(Site *site, const SiteKey *key, const char *value, Err *err) NODISCARD;
/* The value as site_key_set() would take it; NULL when it has none. Caller frees. */
char *site_key_text(const Site *site, const SiteKey *key);
/* The key whose name is most like `word`, or NULL. */
const char *site_key_nearest(const char *word);
/* Every key that has a default gets it. */
void site_keys_default(Site *site);
