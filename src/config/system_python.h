/* system_python.h - Open WebUI installed into the system's Python or the user site, so without an
 * environment. That installation is never changed: belay makes an environment beside it (ENV of the
 * site, absent until the first upgrade), which the start script finds first on its PATH. Until then
 * the same script finds the system's. The site keys `system_script` and `system_python` say where.
 */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "config/site.h"

/* Its own environment is still to be made: what serves is the system's. */
bool system_serves(const Site *site);
/* PREFIX/lib/pythonX.Y/{dist,site}-packages with Open WebUI in it, for PREFIX/bin/open-webui and
 * the interpreter; NULL when there is none. Caller frees. */
char *system_packages(const char *script, const char *python);
/* The program of the system's Open WebUI that `word` of a command line names by its full path
 * ("open-webui", "uvicorn"): every release has one of that name. NULL: it names none. */
const char *system_program(const Site *site, const char *word);
/* DATA_DIR is not set: the data lies in the package's own folder, which is not ours to touch. */
bool system_data_is_inside(const Site *site);
/* Says so, with what to do by hand. Always returns false. */
bool system_data_refuse(const Site *site, Err *err);
/* Does the text of a start script put ENV/bin on PATH before it starts open-webui, and leave it to
 * PATH which one that is? */
typedef enum { SCRIPT_WITHOUT, SCRIPT_WITH, SCRIPT_NAMES_OTHER } ScriptPath;
ScriptPath script_path_look(const char *text, const char *environment);
/* The line that the start script needs. Caller frees. */
char *system_path_line(const Site *site);
