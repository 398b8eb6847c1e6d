#include "adopt/look.h"

#include <string.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define SCRIPT_MAX    (256 * 1024)
#define ANCESTORS_MAX 64
#define FOLDER_MAX    4096

/* Whoever would start the server again by itself, behind a run's back. Matched as the beginning of
 * the process name (the kernel keeps 15 bytes of it). */
static const struct {
	const char *comm;
	const char *name;
} supervisors[] = {
	{"supervisord", "supervisord"},
	{"PM2 ", "pm2"},
	{"pm2", "pm2"},
	{"monit", "monit"},
	{"runsv", "runit"},
	{"s6-supervise", "s6"},
	{"circusd", "circus"},
	{"supervise", "daemontools"},
	{"perpd", "perp"},
	{"god", "god"},
};

/* Units in whose group a server lands by the way it was called, without belonging to them. */
static const char *const bystanders[] = {"cron.service", "crond.service", "cronie.service",
	"anacron.service", "atd.service", "ssh.service", "sshd.service", "docker.service",
	"containerd.service", "supervisor.service", "supervisord.service", "getty@",
	"rc-local.service", "ssh@", "sshd@", "session-", "gdm.service", "lightdm.service"};

static bool is_bystander(const char *unit)
{
	for (size_t i = 0; i < COUNT_OF(bystanders); i++)
		if (str_starts(unit, bystanders[i]))
			return true;
	return false;
}

char *owner_unit_of_cgroup(const char *cgroup, bool *ret_user_unit)
{
	AUTO(strlist_clear) StrList parts = {0};
	const char *unit = NULL;
	bool user = false;

	strlist_split(&parts, cgroup ? cgroup : "", "/");
	for (size_t i = 0; i < parts.len; i++) {
		if (!str_ends(parts.items[i], ".service"))
			continue;
		if (str_starts(parts.items[i], "user@")) {
			user = true;
			unit = NULL;
		} else if (!unit) {
			unit = parts.items[i];
		}
	}
	if (!unit || is_bystander(unit))
		return NULL;
	*ret_user_unit = user;
	return str_dup(unit);
}

const char *owner_supervisor_name(const char *comm, const StrList *argv)
{
	for (size_t i = 0; comm && i < COUNT_OF(supervisors); i++) {
		const char *known = supervisors[i].comm;
		bool whole = !str_is(known, "PM2 ");

		if (whole ? str_is(comm, known) : str_starts(comm, known))
			return supervisors[i].name;
	}
	/* supervisord and circus are Python programs: in some versions the name is only in argv. */
	for (size_t i = 0; i < argv->len && i < 3; i++) {
		const char *word = path_name(argv->items[i]);

		if (str_is(word, "supervisord") || str_is(word, "circusd"))
			return word;
	}
	return NULL;
}

static bool mentions_webui(const char *path)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *text = NULL;
	size_t len = 0;

	if (!file_read(path, SCRIPT_MAX, &text, &len, &ignored) || strlen(text) != len)
		return false;
	return strstr(text, "open-webui") || strstr(text, "open_webui");
}

static bool is_script(const char *path)
{
	struct stat seen;

	if (stat(path, &seen) < 0 || !S_ISREG(seen.st_mode) || seen.st_size > SCRIPT_MAX)
		return false;
	return (str_ends(path, ".sh") || (seen.st_mode & 0111)) && mentions_webui(path);
}

/* One file, or the one whose name begins with "start" (start_openwebui.sh beside stop_openwebui.sh
 * is the usual pair). */
char *owner_script_in(const char *folder, bool *ret_several)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(strlist_clear) StrList all = {0};
	AUTO(strlist_clear) StrList starting = {0};

	*ret_several = false;
	if (!dir_list(folder, &names, &ignored))
		return NULL;
	for (size_t i = 0; i < names.len && i < FOLDER_MAX; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (!is_script(path))
			continue;
		strlist_add(&all, path);
		if (str_starts(names.items[i], "start"))
			strlist_add(&starting, path);
	}
	if (starting.len == 1)
		return str_dup(starting.items[0]);
	if (all.len == 1)
		return str_dup(all.items[0]);
	*ret_several = all.len > 1;
	return NULL;
}

/* `bash start.sh` or `./start.sh` (which the kernel turns into the former) still waiting above. */
static char *script_of_shell(const Process *process)
{
	static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh", "ash"};
	const char *name = process->argv.len ? path_name(process->argv.items[0]) : "";
	bool shell = false;

	for (size_t i = 0; i < COUNT_OF(shells); i++)
		shell = shell || str_is(name, shells[i]);
	for (size_t i = 1; shell && process->dir && i < process->argv.len; i++) {
		const char *word = process->argv.items[i];
		AUTO(free_auto)
		char *path = word[0] == '/' ? str_dup(word) : path_join(process->dir, word);

		if (word[0] == '-')
			continue;
		return is_script(path) ? path_real(path) : NULL;
	}
	return NULL;
}

static bool refuse_supervisor(const char *name, pid_t pid, Err *err)
{
	err_fail(err, ERR_REFUSED,
		"the server is kept running by %s (process %d), which would start it again in the "
		"middle of an upgrade",
		name, (int)pid);
	return err_hint(
		err, "let systemd or a start script start it instead, then type: belay adopt");
}

/* *ret_script stays NULL when no ancestor is a start script. */
static bool walk_ancestors(const Look *look, char **ret_script, Err *err)
{
	pid_t pid = look->process.parent;

	for (int i = 0; i < ANCESTORS_MAX && pid > 0; i++) {
		AUTO(err_clear) Err gone = {0};
		AUTO(process_clear) Process above = {0};

		if (!process_read(pid, &above, &gone))
			return true;
		const char *name = owner_supervisor_name(above.name, &above.argv);
		if (name)
			return refuse_supervisor(name, pid, err);
		if (!*ret_script)
			*ret_script = script_of_shell(&above);
		pid = above.parent;
	}
	return true;
}

static bool set_unit(Look *look, const char *unit, bool user_unit, Err *err)
{
	if (!look_set(look, "service", "systemd", err, _("control group of process %d"),
		    (int)look->process.pid))
		return false;
	if (!look_set(look, "unit", unit, err, _("control group '%s'"), look->process.cgroup))
		return false;
	return !user_unit || look_set(look, "user_unit", "yes", err, _("it belongs to user %u"),
				     (unsigned)look->process.uid);
}

static bool set_script(Look *look, const char *above, Err *err)
{
	bool several = false;
	AUTO(free_auto)
	char *script = above ? str_dup(above) : owner_script_in(look->process.dir, &several);

	if (several)
		look_warn(look,
			_("several files in '%s' could be the start script; name the right one with "
			  "--start-script, else the server is started by its recorded command"),
			look->process.dir);
	if (!script)
		return look_set(look, "service", "recipe", err,
			several ? _("no unit, and several files in '%s' that could be the start script")
				: _("no unit and no start script in '%s'"),
			look->process.dir);
	if (!look_set(look, "service", "script", err, _("there is a start script")))
		return false;
	if (above)
		return look_set(look, "start_script", script, err, _("it waits for process %d"),
			(int)look->process.pid);
	return look_set(look, "start_script", script, err,
		_("it lies in the start directory and names open-webui"));
}

/* An option for one of the three names the service too. */
static bool service_of_wishes(Look *look)
{
	if (look_wished(look, "service"))
		return true;
	if (look_wished(look, "unit"))
		look->draft.service = SERVICE_SYSTEMD;
	else if (look_wished(look, "start_script"))
		look->draft.service = SERVICE_SCRIPT;
	else
		return false;
	return true;
}

bool find_owner(Look *look, Err *err)
{
	AUTO(free_auto) char *above = NULL;
	AUTO(free_auto) char *unit = NULL;
	bool user_unit = false;

	if (!look->process.pid) {
		service_of_wishes(look);
		return true;
	}
	if (!walk_ancestors(look, &above, err))
		return false;
	if (service_of_wishes(look) && look->draft.service != SERVICE_RECIPE &&
		(look->draft.unit || look->draft.start_script))
		return true;
	if (look_wished(look, "service") && look->draft.service == SERVICE_RECIPE)
		return true;
	if (file_exists("/run/systemd/system"))
		unit = owner_unit_of_cgroup(look->process.cgroup, &user_unit);
	if (unit && !(look_wished(look, "service") && look->draft.service == SERVICE_SCRIPT))
		return set_unit(look, unit, user_unit, err);
	return set_script(look, above, err);
}
