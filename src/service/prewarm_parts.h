/* prewarm_parts.h - what prewarm.c is made of: the command, the files, the questions before. */
#pragma once
#include "service/prewarm.h"

#define PREWARM_RECORD_MS 30000

/* ENV.releases/.prewarm: outside every release, readable by the site's user. Caller frees. */
char *prewarm_folder(const Site *site);
/* Copies the list to where the site's user can read it. */
bool prewarm_install_list(const PrewarmSpec *spec, char **ret_path, Err *err) NODISCARD;

/* `PYTHON ENV/bin/open-webui serve …`, or `PYTHON -m NAME …` of a module that serves. */
bool prewarm_knows_command(const Site *site);
/* The same command for the time when ENV names the release: SCRIPT ARG… or -m NAME ARG… */
void prewarm_words(const Site *site, StrList *ret);
