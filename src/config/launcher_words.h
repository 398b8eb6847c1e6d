/* launcher_words.h - command lines of servers that were started early (service/prewarm.h):
 *
 *     PYTHON LAUNCHER warm FD LIST SCRIPT ARG…
 *     PYTHON LAUNCHER record FD SCRIPT ARG…
 *
 * LAUNCHER is ENV.releases/.prewarm/LAUNCHER_FILE. The words stay in /proc/PID/cmdline for the life
 * of the server, so whoever reads how a server was started takes them out. */
#pragma once
#include <stdbool.h>

#include "base/list.h"

#define LAUNCHER_FILE "belay-prewarm.py"
/* Name of the process (comm) until it is told to go on; data/prewarm.py sets it. */
#define LAUNCHER_WAITING "belay-waiting"

bool launcher_words_in(const StrList *argv);
/* What the site's own start would show: without these words, and with interpreter and script named
 * through ENV. A console script of a release starts the Python of that very release, and a recipe
 * that named it would start it again after the next switch. */
void launcher_words_strip(StrList *argv);
/* It waits and is not a server yet: not to be stopped, not to be counted. */
bool launcher_is_waiting(const StrList *argv, const char *comm);
