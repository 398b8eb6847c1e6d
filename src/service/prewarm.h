/* prewarm.h - start the next server early: its Python imports what a serving process of that
 * release had loaded, and waits for one byte before it runs the ordinary `open-webui serve`.
 *
 *     prewarm_start    before the old server is stopped; users notice nothing
 *     prewarm_ready    waits until the imports are done (or says why there is no prewarm)
 *     prewarm_go       after the old server is gone and everything is switched: a server like any
 *     prewarm_cancel   instead: end of file on the socket pair, it leaves and has touched nothing
 *
 * The launcher (data/prewarm.py) lies outside every release, in a file readable by the site's user;
 * it is run with the release's own Python and the site's recipe: user, directory, environment,
 * limits, ignored signals, umask, log file. It imports nothing of open_webui, lends the values of
 * `.env` during the imports and takes them back (else `serve` would take another secret key), sets
 * HF_HUB_OFFLINE=1 when OFFLINE_MODE is true before anything is imported, leaves warning filters
 * alone, and freezes the garbage collector last. A belay that dies closes the socket: it leaves.
 *
 * Its command line goes on showing the launcher: config/launcher_words.h takes those words out of
 * what is recorded. The server is named RELEASE/bin/python ENV/bin/open-webui.
 *
 * Anything unexpected (another shape of command, several workers, a start script changed since the
 * process began, USE_CUDA_DOCKER, no list, too little memory) is no prewarm and an ordinary start:
 * a notice, never an error. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/site.h"
#include "release/release.h"

typedef struct Prewarm Prewarm;

struct DaemonSpec;

typedef struct PrewarmSpec {
	const Site *site;
	const Release *release;
	const char *modules; /* file: one module a line, as a serving process loaded them */
	int64_t needed_kb;   /* memory of the waiting process as measured before; 0: not known */
	/* Asked for a plan: modules and the recipe of the running server come before the start. */
	bool planned;
	int64_t timeout_ms; /* for the imports */
	/* Instead of the site's own server one in a rehearsal, with these surroundings and the
	 * words SCRIPT ARG… as argv: then ENV need not name the release, and no pid file is
	 * written. */
	const struct DaemonSpec *rehearsed;
} PrewarmSpec;

/* Could this site be prewarmed at all? If not, *ret_why says why; nothing has failed then. */
bool prewarm_possible(const PrewarmSpec *spec, Err *ret_why) NODISCARD;
bool prewarm_start(const PrewarmSpec *spec, Prewarm **ret, Err *err) NODISCARD;
bool prewarm_ready(Prewarm *prewarm, Err *err) NODISCARD;
pid_t prewarm_pid(const Prewarm *prewarm);
int prewarm_pidfd(const Prewarm *prewarm); /* stays the handle's */
/* The server's own start from here on; a pid file of the site is rewritten. Spends the handle. */
bool prewarm_go(Prewarm *prewarm, pid_t *ret_pid, Err *err) NODISCARD;
void prewarm_cancel(Prewarm *prewarm); /* NULL is fine; spends the handle */
DEFINE_AUTO(Prewarm, prewarm_cancel)

/* The list: run the release once under the launcher's recording mode (rehearsal) and ask it, while
 * it serves, for its third-party modules in the order they were loaded. */
bool prewarm_record(int socket, const char *to_file, Err *err) NODISCARD;
/* argv for a recording start: PYTHON LAUNCHER record FD SCRIPT ARG…; false when the recipe's
 * command has another shape. `launcher` is where prewarm_install_launcher() put it. */
bool prewarm_record_argv(const Site *site, const Release *release, const char *launcher, int fd,
	StrList *ret, Err *err) NODISCARD;
/* SCRIPT ARG… or -m NAME ARG… of the site's command, with the script of that release. */
void prewarm_release_words(const Site *site, const Release *release, StrList *ret);
bool prewarm_install_launcher(const Site *site, char **ret_path, Err *err) NODISCARD;
