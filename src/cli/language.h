/* language.h - English or Korean, from the environment, else from the site.
 *
 * Korean also works where ko_KR is not generated (C.UTF-8 plus LANGUAGE), and under sudo, which
 * drops LANG, through the site's key `language`. Numbers are never localised. */
#pragma once

void language_start(void);
/* "ko", "en" or NULL. What the environment says explicitly wins. */
void language_of_site(const char *language);
/* The language the environment asks for: "ko", "en", another two-letter code; NULL: nothing. */
const char *language_wish(void);
