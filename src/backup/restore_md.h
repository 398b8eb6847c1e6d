/* restore_md.h - RESTORE.md: the ordinary commands that bring a backup set back without belay, with
 * this site's real values, in English and Korean, and no secret in it. */
#pragma once
#include "base/json.h"
#include "config/site.h"

/* `manifest` as it will be written. Caller frees. */
char *restore_md(const Site *site, const json_t *manifest, const char *set_path);
/* A word for a POSIX shell, quoted where it has to be. Caller frees. */
char *shell_word(const char *word);
