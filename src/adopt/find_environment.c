#include "adopt/look.h"

#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "release/release.h"

/* ENV of ENV/bin/NAME; NULL for a path of another shape. */
static char *above_bin(const char *path, const char *folder)
{
	AUTO(free_auto) char *whole = NULL;
	AUTO(free_auto) char *bin = NULL;

	if (!strchr(path, '/') || (path[0] != '/' && !folder))
		return NULL;
	whole = path[0] == '/' ? str_dup(path) : path_join(folder, path);
	bin = path_folder(whole);
	/* "./venv/bin/open-webui" and "../venv/…": only a real path tells. */
	if (strstr(whole, "/./") || strstr(whole, "/../")) {
		AUTO(free_auto) char *real = path_real(bin);

		if (!real)
			return NULL;
		free(bin);
		bin = TAKE(real);
	}
	return str_is(path_name(bin), "bin") ? path_folder(bin) : NULL;
}

/* The console script is named as it was called, which may be through a link that start scripts
 * know; its interpreter is named as pip wrote it. */
char *environment_of_argv(const StrList *argv, const char *folder)
{
	for (size_t i = 0; i < argv->len && i <= 8; i++) {
		const char *name = path_name(argv->items[i]);

		if (str_is(name, "open-webui") || str_is(name, "uvicorn")) {
			char *found = above_bin(argv->items[i], folder);

			if (found)
				return found;
		}
	}
	if (argv->len && str_starts(path_name(argv->items[0]), "python"))
		return above_bin(argv->items[0], folder);
	return NULL;
}

/* After an upgrade the process runs from ENV.releases/VERSION, but the site is ENV. */
char *environment_link_of(const char *environment)
{
	AUTO(free_auto) char *folder = path_folder(environment);
	size_t len = strlen(folder);

	if (str_ends(folder, ".releases")) {
		AUTO(free_auto) char *link = str_dup_n(folder, len - strlen(".releases"));

		if (file_kind(link) == FILE_LINK)
			return TAKE(link);
	}
	return str_dup(environment);
}

static bool has_below(const char *folder, const char *name)
{
	AUTO(free_auto) char *path = path_join(folder, name);

	return file_exists(path);
}

static bool is_environment(const char *folder)
{
	return folder && (has_below(folder, "pyvenv.cfg") || has_below(folder, "conda-meta"));
}

/* `python -m …` or a bare `open-webui` found by PATH: argv[0] has no folder in it. */
static char *by_path(const Process *process)
{
	const char *path = env_get(&process->env, "PATH");
	AUTO(free_auto) char *program = NULL;

	if (!process->argv.len || strchr(process->argv.items[0], '/') || str_empty(path))
		return NULL;
	program = proc_find(process->argv.items[0], path);
	return program ? above_bin(program, process->dir) : NULL;
}

/* Each way to know it, best first; what is no environment is kept only to be named in a refusal. */
static char *look_for(const Process *process, const char **ret_source)
{
	const char *variable = env_get(&process->env, "VIRTUAL_ENV");
	const char *const sources[] = {"argv", "PATH", "VIRTUAL_ENV", "exe"};
	char *ways[] = {
		environment_of_argv(&process->argv, process->dir),
		by_path(process),
		variable && variable[0] == '/' ? str_dup(variable) : NULL,
		process->exe ? above_bin(process->exe, NULL) : NULL,
	};
	char *found = NULL;

	for (size_t i = 0; i < COUNT_OF(ways) && !found; i++)
		if (is_environment(ways[i])) {
			found = TAKE(ways[i]);
			*ret_source = sources[i];
		}
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		if (!found)
			found = TAKE(ways[i]);
		free(ways[i]);
	}
	return found;
}

/* What an option names counts, but for the environment that is made for a server of the system's
 * Python: that is not there yet, or a link that nothing runs from yet. */
static bool stands(const Look *look, const char *environment)
{
	const char *wished = look->draft.environment;

	if (!look_wished(look, "environment"))
		return false;
	return !environment || is_environment(environment) ||
	       (is_environment(wished) && file_kind(wished) == FILE_FOLDER);
}

static bool look_at_process(Look *look, Err *err)
{
	const char *source = NULL;
	AUTO(free_auto) char *found = look_for(&look->process, &source);
	AUTO(free_auto) char *environment = found ? environment_link_of(found) : NULL;
	int pid = (int)look->process.pid;

	if (stands(look, environment))
		return true;
	if (!environment) {
		err_fail(err, ERR_REFUSED, "the environment of process %d cannot be told", pid);
		return err_hint(err, "name it: belay adopt --environment DIR");
	}
	if (!is_environment(environment))
		return find_system(look, environment, err);
	if (!str_is(found, environment))
		return look_set(look, "environment", environment, err,
			_("it links to the release of process %d"), pid);
	if (str_is(source, "argv"))
		return look_set(look, "environment", environment, err,
			_("command line of process %d"), pid);
	return look_set(look, "environment", environment, err, _("%s of process %d"), source, pid);
}

bool find_environment(Look *look, Err *err)
{
	AUTO(release_clear) Release release = {0};

	if (look->process.pid && !look_at_process(look, err))
		return false;
	if (!look->draft.environment || look->draft.system_script)
		return true;
	if (!release_at(look->draft.environment, &release, err))
		return err_wrap(err, "environment '%s'", look->draft.environment);
	look_note(look, "version", release.version, _("packages of '%s'"), release.path);
	return true;
}
