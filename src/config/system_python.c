#include "config/system_python.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

bool system_serves(const Site *site)
{
	return site->system_script && file_kind(site->environment) == FILE_ABSENT;
}

/* "python3.11" of /usr/bin/python3; NULL when its name does not say. */
static char *minor_of(const char *python)
{
	AUTO(free_auto) char *real = path_real(python);

	return real && str_starts(path_name(real), "python3.") ? str_dup(path_name(real)) : NULL;
}

/* Debian's Python has dist-packages of its own; user sites and all other systems site-packages. */
static char *packages_in(const char *folder)
{
	static const char *const names[] = {"dist-packages", "site-packages"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *packages = path_join(folder, names[i]);
		AUTO(free_auto) char *init = path_join(packages, "open_webui/__init__.py");

		if (file_exists(init))
			return TAKE(packages);
	}
	return NULL;
}

char *system_packages(const char *script, const char *python)
{
	AUTO(free_auto) char *bin = path_folder(script);
	AUTO(free_auto) char *prefix = path_folder(bin);
	AUTO(free_auto) char *lib = path_join(prefix, "lib");
	AUTO(free_auto) char *minor = python ? minor_of(python) : NULL;
	AUTO(strlist_clear) StrList names = {0};
	AUTO(err_clear) Err ignored = {0};

	if (!dir_list(lib, &names, &ignored))
		return NULL;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *folder = path_join(lib, names.items[i]);
		char *found;

		if (!str_starts(names.items[i], "python3.") ||
			(minor && !str_is(names.items[i], minor)))
			continue;
		found = packages_in(folder);
		if (found)
			return found;
	}
	return NULL;
}

const char *system_program(const Site *site, const char *word)
{
	AUTO(free_auto) char *own = NULL;
	AUTO(free_auto) char *folder = NULL;

	if (!site->system_script || word[0] != '/')
		return NULL;
	own = path_folder(site->system_script);
	folder = path_folder(word);
	return str_is(folder, own) ? path_name(word) : NULL;
}

char *system_path_line(const Site *site)
{
	return str_format("PATH=%s/bin:$PATH; export PATH", site->environment);
}

bool system_data_is_inside(const Site *site)
{
	return system_serves(site) && site->webui.data_inside_environment;
}

bool system_data_refuse(const Site *site, Err *err)
{
	const char *from = site->webui.data_dir;
	AUTO(free_auto) char *to = path_join(site->start_directory, "data");

	err_fail(err, ERR_REFUSED,
		"the data lies in '%s', inside the system's Python, which is never changed: move it to "
		"'%s' yourself, once",
		from, to);
	return err_hint(err,
		"stop the server; mv '%s' '%s'; add to the start script: export DATA_DIR='%s'; start the "
		"server; belay adopt",
		from, to, to);
}

static bool starts_webui(const char *line)
{
	return strstr(line, "open-webui serve") || strstr(line, "open-webui dev") ||
	       strstr(line, "open_webui.main") || strstr(line, "-m open_webui");
}

/* `/usr/local/bin/open-webui serve`: PATH is not asked. */
static bool names_other_program(const char *line, const char *bin)
{
	static const char program[] = "bin/open-webui";
	const size_t own = strlen(bin) - strlen("bin");

	for (const char *at = strstr(line, program); at; at = strstr(at + 1, program)) {
		const char after = at[strlen(program)];
		const size_t before = (size_t)(at - line);

		if (after && !strchr(" \t\"';&|)", after))
			continue;
		if (before < own || strncmp(at - own, bin, own) != 0)
			return true;
	}
	return false;
}

ScriptPath script_path_look(const char *text, const char *environment)
{
	AUTO(free_auto) char *bin = path_join(environment, "bin");
	AUTO(strlist_clear) StrList lines = {0};
	bool found = false;

	strlist_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.len; i++) {
		const char *line = lines.items[i] + strspn(lines.items[i], " \t");

		if (*line == '#')
			continue;
		if (names_other_program(line, bin))
			return SCRIPT_NAMES_OTHER;
		found = found || strstr(line, bin);
		if (!found && starts_webui(line))
			return SCRIPT_WITHOUT;
	}
	return found ? SCRIPT_WITH : SCRIPT_WITHOUT;
}
