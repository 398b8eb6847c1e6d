/* Open WebUI without an environment: installed into the system's Python (/usr/local) or the user
 * site (~/.local). It stays as it is; the site gets an environment beside its start script. */
#include <string.h>

#include "adopt/look.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"
#include "os/proc.h"
#include "release/release.h"

#define OWN_ENVIRONMENT "openwebui-env"
#define SCRIPT_MAX      (256 * 1024)

/* The Python whose name the kernel was given, which may be a link such as /usr/bin/python3: that
 * goes on working when the system gets a newer one. */
static char *interpreter_of(const Process *process)
{
	const char *named = process->argv.len ? process->argv.items[0] : "";

	if (named[0] == '/')
		return str_dup(named);
	if (named[0] && !strchr(named, '/') && env_get(&process->env, "PATH")) {
		char *found = proc_find(named, env_get(&process->env, "PATH"));

		if (found)
			return found;
	}
	return str_dup(process->exe);
}

static char *user_base(const Process *process)
{
	const char *named = env_get(&process->env, "PYTHONUSERBASE");
	const char *home = env_get(&process->env, "HOME");

	if (!str_empty(named))
		return str_dup(named);
	return path_join(home && home[0] == '/' ? home : "/root", ".local");
}

/* In the order in which Python looks. A console script says it by itself. */
static char *find_script(const Process *process, const char *prefix, const char *python)
{
	AUTO(free_auto) char *user = user_base(process);
	const char *const places[] = {prefix, user, "/usr/local", "/usr"};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		AUTO(free_auto) char *script = path_join(places[i], "bin/open-webui");
		AUTO(free_auto) char *packages = system_packages(script, python);

		if (packages)
			return TAKE(script);
	}
	return NULL;
}

static bool cannot_tell(const Look *look, const char *prefix, Err *err)
{
	err_fail(err, ERR_REFUSED,
		"process %d has no environment, and no Open WebUI lies in the Python of '%s'",
		(int)look->process.pid, prefix);
	return err_hint(err, "name its environment: belay adopt --environment DIR");
}

/* Only an absent one is ours to make, and a link is what an earlier upgrade left. */
static bool set_environment(Look *look, Err *err)
{
	AUTO(free_auto) char *path = path_join(look->draft.start_directory, OWN_ENVIRONMENT);
	FileKind kind;

	if (!look_set(look, "environment", path, err,
		    _("made at the first upgrade; the system's Python is never changed")))
		return false;
	kind = file_kind(look->draft.environment);
	if (kind == FILE_ABSENT || kind == FILE_LINK)
		return true;
	err_fail(err, ERR_REFUSED, "'%s' is there already, and the server does not run from it",
		look->draft.environment);
	return err_hint(err, "name another place: belay adopt --environment DIR");
}

bool find_system(Look *look, const char *prefix, Err *err)
{
	const int pid = (int)look->process.pid;
	AUTO(free_auto) char *python = interpreter_of(&look->process);
	AUTO(free_auto) char *script = python ? find_script(&look->process, prefix, python) : NULL;
	AUTO(release_clear) Release release = {0};

	if (!script && look_wished(look, "environment") && file_exists(look->draft.environment))
		return true;
	if (!script)
		return cannot_tell(look, prefix, err);
	if (!look_set(look, "system_script", script, err,
		    _("process %d runs without an environment"), pid) ||
		!look_set(
			look, "system_python", python, err, _("interpreter of process %d"), pid) ||
		!set_environment(look, err) || !release_current(&look->draft, &release, err))
		return false;
	look_note(look, "version", release.version, _("packages of '%s'"), release.site_packages);
	return true;
}

bool check_system(Look *look, Err *err)
{
	const Site *site = &look->out->site;
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *line = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!site->system_script)
		return true;
	if (system_data_is_inside(site))
		return system_data_refuse(site, err);
	if (site->service == SERVICE_SCRIPT &&
		file_read(site->start_script, SCRIPT_MAX, &text, NULL, &ignored) &&
		script_path_look(text, site->environment) == SCRIPT_WITH)
		return true;
	if (site->service != SERVICE_SCRIPT) {
		look_warn(look,
			_("Open WebUI runs from the system's Python, which is never changed: what its "
			  "start needs before an upgrade, belay check says"));
		return true;
	}
	line = system_path_line(site);
	look_warn(look,
		_("Open WebUI runs from the system's Python, which is never changed: before an upgrade "
		  "its start script needs this line: %s"),
		line);
	return true;
}
