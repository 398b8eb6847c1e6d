/* site_of_set.h - the site that a backup set is of, for a machine where nothing of it is known: its
 * recipe, settings and places as they were, with what is given instead put into all of them.
 *
 * Nothing is written, and nothing of it need exist. Where folders changed, words and variables of
 * the recipe that name the old ones name the new ones. */
#pragma once
#include "backup/backup.h"

typedef struct SiteOfSetWish {
	const char *set;             /* folder of the set */
	const char *name;            /* of the site, or its file; NULL: as the set says */
	const char *const *settings; /* "key=value" of site_keys[]; NULL-terminated */
} SiteOfSetWish;

bool site_of_set(const SiteOfSetWish *wish, Site *ret, Err *err) NODISCARD;
/* Packages of the set, "name==version", without Open WebUI and the tools of an environment. */
bool set_packages(const BackupSet *set, StrList *ret, Err *err) NODISCARD;
