#include "config/site.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"

static char *home_below(const char *variable, const char *below)
{
	const char *given = getenv(variable);
	const char *home = getenv("HOME");

	if (given && given[0] == '/')
		return path_join(given, "belay");
	AUTO(free_auto) char *base = path_join(home && home[0] == '/' ? home : "/", below);
	return path_join(base, "belay");
}

static char *config_dir(void)
{
	return geteuid() == 0 ? str_dup("/etc/belay") : home_below("XDG_CONFIG_HOME", ".config");
}

char *site_file_path(const char *name)
{
	AUTO(free_auto) char *folder = config_dir();
	AUTO(free_auto) char *file = str_format("%s.conf", name);

	if (name[0] == '/')
		return str_dup(name);
	if (strchr(name, '/')) {
		AUTO(free_auto) char *here = getcwd(NULL, 0);

		return path_join(here ? here : "/", name);
	}
	return path_join(folder, file);
}

char *site_state_path(const char *name)
{
	const char *given = getenv("BELAY_STATE_DIR");
	AUTO(free_auto) char *folder = NULL;

	if (given && given[0] == '/')
		folder = str_dup(given);
	else if (geteuid() == 0)
		folder = str_dup("/var/lib/belay");
	else
		folder = home_below("XDG_STATE_HOME", ".local/state");
	return path_join(folder, name);
}

bool site_names(StrList *ret, Err *err)
{
	AUTO(free_auto) char *folder = config_dir();
	AUTO(strlist_clear) StrList files = {0};

	if (!file_exists(folder))
		return true;
	if (!dir_list(folder, &files, err))
		return err_wrap(err, "looking for sites");
	for (size_t i = 0; i < files.len; i++) {
		size_t len = strlen(files.items[i]);

		if (len <= 5 || !str_ends(files.items[i], ".conf") || files.items[i][0] == '.')
			continue;
		AUTO(free_auto) char *name = str_dup_n(files.items[i], len - 5);
		strlist_add(ret, name);
	}
	return true;
}

char *site_path(const Site *site, const char *below)
{
	return path_join(site->state_dir, below);
}

char *site_releases_dir(const Site *site)
{
	if (!site->environment)
		return site_path(site, "releases");
	return str_format("%s.releases", site->environment);
}

char *site_data_home(const Site *site)
{
	return str_format("%s.data", site->environment);
}

char *site_vector_dir(const Site *site)
{
	return path_join(site->webui.data_dir, "vector_db");
}

/* …/lib/python3.11/site-packages/open_webui: the folder name is looked up, never guessed. */
static char *package_below(const char *environment)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *lib = path_join(environment, "lib");

	if (!dir_list(lib, &names, &ignored))
		return NULL;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto)
		char *package = str_format("%s/%s/site-packages/open_webui", lib, names.items[i]);

		if (str_starts(names.items[i], "python") && file_exists(package))
			return TAKE(package);
	}
	return NULL;
}

static bool is_stub(const char *environment)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *target = NULL;

	return file_kind(environment) == FILE_LINK && link_read(environment, &target, &ignored) &&
	       str_starts(path_name(target), ".stub-");
}

static bool holds_data(const char *package)
{
	AUTO(free_auto) char *data = path_join(package, "data");

	return file_kind(data) == FILE_FOLDER;
}

/* Between stop and start ENV names a stub: the settings of the release that still has the data in
 * it are the ones to go on with, else (the data has moved) those of the newest. */
static char *package_of_releases(const char *environment)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *folder = str_format("%s.releases", environment);
	AUTO(free_auto) char *newest = NULL;
	const char *newest_name = NULL;

	if (!dir_list(folder, &names, &ignored))
		return NULL;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *release = path_join(folder, names.items[i]);
		AUTO(free_auto)
		char *package = names.items[i][0] == '.' ? NULL : package_below(release);

		if (!package)
			continue;
		if (holds_data(package))
			return TAKE(package);
		if (newest_name && strverscmp(names.items[i], newest_name) < 0)
			continue;
		newest_name = names.items[i];
		free(newest);
		newest = TAKE(package);
	}
	return TAKE(newest);
}

char *site_package_dir(const Site *site)
{
	const char *environment = site->environment;
	char *package = is_stub(environment) ? NULL : package_below(environment);

	if (system_serves(site)) {
		AUTO(free_auto)
		char *packages = system_packages(site->system_script, site->system_python);

		package = packages ? path_join(packages, "open_webui") : NULL;
	}
	return package ? package : package_of_releases(environment);
}
