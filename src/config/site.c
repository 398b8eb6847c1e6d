#include "config/site.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "config/ini_file.h"
#include "config/keys.h"
#include "os/file.h"

#define SITE_FILE_MAX (64 * 1024)
#define NAME_LONGEST  64
#define KEYS_MAX      64

typedef struct Parse {
	Site *site;
	bool seen[KEYS_MAX];
} Parse;

static bool unknown_section(const char *section, Err *err)
{
	const char *names[KEYS_MAX + 1];
	size_t len = 0;

	for (const SiteKey *key = site_keys; key->name && len < KEYS_MAX; key++)
		if (!len || !str_is(names[len - 1], key->section))
			names[len++] = key->section;
	names[len] = NULL;
	const char *near = str_nearest(section, names);
	err_fail(err, ERR_CONFIG, "there is no section [%.100s] in a site file", section);
	if (near)
		return err_hint(err, "did you mean [%s]?", near);
	return false;
}

static bool unknown_key(const char *name, Err *err)
{
	const char *near = site_key_nearest(name);

	err_fail(err, ERR_CONFIG, "there is no key '%.100s' in a site file", name);
	if (near)
		return err_hint(err, "did you mean '%s'?", near);
	return false;
}

static bool is_section(const char *section)
{
	for (const SiteKey *key = site_keys; key->name; key++)
		if (str_is(key->section, section))
			return true;
	return false;
}

static bool on_key(
	void *arg, const char *section, const char *name, const char *value, int line, Err *err)
{
	Parse *parse = arg;
	const SiteKey *key = site_key_find(name);
	(void)line;

	if (!is_section(section))
		return unknown_section(section, err);
	if (!key)
		return unknown_key(name, err);
	if (!str_is(key->section, section)) {
		err_fail(err, ERR_CONFIG, "the key '%s' does not belong into [%s]", name, section);
		return err_hint(err, "move it to [%s]", key->section);
	}
	if (parse->seen[key - site_keys])
		return err_fail(err, ERR_CONFIG, "the key '%s' is there twice", name);
	parse->seen[key - site_keys] = true;
	/* "key =" is how one says none; only extras make a difference between none and not said. */
	if (!*value && !str_is(name, "extras"))
		return true;
	return site_key_set(parse->site, key, value, err);
}

static bool check_name(const char *name, Err *err)
{
	bool good = isalnum((unsigned char)name[0]) && strlen(name) <= NAME_LONGEST;

	for (const char *c = name; *c; c++)
		good = good && (isalnum((unsigned char)*c) || strchr("._-", *c));
	return good ||
	       err_fail(err, ERR_CONFIG,
		       "'%.100s' cannot be the name of a site: use letters, digits, '.', '_' "
		       "and '-'",
		       name);
}

static bool set_name(Site *site, const char *file, Err *err)
{
	const char *base = path_name(file);
	size_t len = strlen(base);

	if (str_ends(base, ".conf"))
		len -= strlen(".conf");
	site->name = str_dup_n(base, len);
	site->file = str_dup(file);
	if (!check_name(site->name, err))
		return false;
	site->state_dir = site_state_path(site->name);
	return true;
}

static void learn_secrets(const Site *site)
{
	redact_add(site->api_key);
	redact_add(site->database_url_text);
	redact_add(site->admin_url);
	redact_add(site->rehearsal_server);
}

static bool need(const char *value, const char *key, const char *because, Err *err)
{
	if (!str_empty(value))
		return true;
	err_fail(err, ERR_CONFIG, "the key '%s' is missing (%s)", key, because);
	return err_hint(err, "write '%s = …' into the site file, or type: belay adopt", key);
}

static bool check_container(const Site *site, Err *err)
{
	if (site->environment) {
		err_fail(err, ERR_CONFIG,
			"the key 'environment' does not go with a server in a container");
		return err_hint(err, "remove 'environment = …', or change 'service = …'");
	}
	if (!need(site->data_dir, "data_dir", "the server runs in a container", err))
		return false;
	if (site->service == SERVICE_CONTAINER)
		return need(site->webui_container, "webui_container", "service = container", err);
	return need(site->compose_project, "compose_project", "service = compose", err) &&
	       need(site->compose_service, "compose_service", "service = compose", err);
}

static bool check_needed(const Site *site, Err *err)
{
	if (site_in_container(site))
		return check_container(site, err);
	if (!need(site->environment, "environment", "[webui]", err))
		return false;
	if (site->service == SERVICE_SCRIPT &&
		!need(site->start_script, "start_script", "service = script", err))
		return false;
	return site->service != SERVICE_SYSTEMD ||
	       need(site->unit, "unit", "service = systemd", err);
}

static bool find_recipe(Site *site, Err *err)
{
	AUTO(free_auto) char *path = site_path(site, "recipe.json");

	if (site->recipe.argv.len)
		return true;
	if (file_exists(path))
		return recipe_load(path, &site->recipe, err);
	if (site_in_container(site)) {
		err_fail(err, ERR_CONFIG, "the settings of the container are not known yet");
		return err_hint(err, "belay adopt");
	}
	return site_plain_recipe(site, &site->recipe, err);
}

static void fill_in(Site *site)
{
	if (str_is(site->listen, "0.0.0.0") || str_is(site->listen, "*"))
		site->host = str_dup("127.0.0.1");
	else if (str_is(site->listen, "::") || str_is(site->listen, "[::]"))
		site->host = str_dup("::1");
	else
		site->host = str_dup(site->listen);
	if (!site->start_directory)
		site->start_directory = str_dup(
			site_in_container(site) ? site->state_dir : site->recipe.dir);
	if (!site->user)
		site->user = str_dup(site->recipe.user);
	if (!site->log_file)
		site->log_file = str_dup(site->recipe.log);
	if (!site->backup_dir)
		site->backup_dir = path_join(site->start_directory, "backups");
}

static bool read_settings(Site *site, WebuiEnv *ret, Err *err)
{
	AUTO(strlist_clear) StrList env = {0};
	const bool container = site_in_container(site);
	AUTO(free_auto) char *package = container ? NULL : site_package_dir(site);
	AUTO(free_auto) char *moved = container ? NULL : site_data_home(site);

	strlist_add_all(&env, &site->recipe.env);
	if (site->data_dir)
		env_set(&env, "DATA_DIR", site->data_dir);
	if (!webui_env_read(&env, site->recipe.dir, package, ret, err))
		return false;
	/* A crash between the move of the data and the link to it, or no release left at all. */
	if (moved && (!ret->data_dir || (ret->data_inside_environment &&
						!file_exists(ret->data_dir) && file_exists(moved))))
		webui_env_move_data(ret, moved);
	/* The file of a container is one that belay keeps for it; a variable came later, and wins.
	 */
	if (site->secret_key_file && !(container && ret->key_source == KEY_IN_ENVIRONMENT))
		return webui_env_use_key_file(ret, site->secret_key_file, err);
	return true;
}

/* Looked at before anything is begun: a typing error in it must not be found in the middle of a
 * run.
 */
static bool check_rehearsal_server(const Site *site, const DatabaseUrl *database, Err *err)
{
	AUTO(database_url_clear) DatabaseUrl url = {0};

	if (!site->rehearsal_server)
		return true;
	if (database->kind != DATABASE_POSTGRES) {
		err_fail(err, ERR_CONFIG,
			"the key 'rehearsal_server' does not go with a SQLite database");
		return err_hint(err, "remove 'rehearsal_server = …': copies of a file are tried on "
				     "this machine");
	}
	if (!database_url_parse(site->rehearsal_server, site->recipe.dir, &url, err)) {
		err->kind = ERR_CONFIG;
		return err_wrap(err, "rehearsal_server");
	}
	return url.kind == DATABASE_POSTGRES ||
	       err_fail(err, ERR_CONFIG, "rehearsal_server is not the URL of a PostgreSQL server");
}

bool site_refresh(Site *site, Err *err)
{
	AUTO(webui_env_clear) WebuiEnv webui = {0};
	AUTO(database_url_clear) DatabaseUrl database = {0};
	const char *url;

	if (!read_settings(site, &webui, err))
		return err_wrap(err, "site '%s'", site->name);
	url = site->database_url_text ? site->database_url_text : webui.database_url;
	if (!database_url_parse(url, site->recipe.dir, &database, err) ||
		!site_database_outside(site, &database, err))
		return err_wrap(err, "the database of site '%s'", site->name);
	if (!check_rehearsal_server(site, &database, err))
		return err_wrap(err, "%s", site->file);
	webui_env_clear(&site->webui);
	database_url_clear(&site->database);
	site->webui = webui;
	site->database = database;
	webui = (WebuiEnv){0};
	database = (DatabaseUrl){0};
	if (!site->extras)
		site->extras = str_dup(site->database.kind == DATABASE_POSTGRES ? "postgres" : "");
	return true;
}

bool site_parse(const char *text, const char *file, Site *ret, Err *err)
{
	AUTO(site_clear) Site site = {.recipe = ret->recipe};
	Parse parse = {.site = &site};

	ret->recipe = (Recipe){0};
	site_keys_default(&site);
	if (!ini_walk(text, file, on_key, &parse, err))
		return false;
	learn_secrets(&site);
	if (!set_name(&site, file, err))
		return false;
	if (!check_needed(&site, err) || !find_recipe(&site, err))
		return err_wrap(err, "%s", file);
	fill_in(&site);
	if (!site_refresh(&site, err))
		return false;
	*ret = site;
	site = (Site){0};
	return true;
}

static bool url_has_password(const char *url)
{
	AUTO(free_auto) char *masked = redact_url(url);

	return url && !str_is(masked, url);
}

static bool check_access(const Site *site, const struct stat *seen, Err *err)
{
	bool secret = site->api_key || url_has_password(site->admin_url) ||
		      url_has_password(site->rehearsal_server) ||
		      url_has_password(site->database_url_text);
	bool others_write = seen->st_mode & 0022;

	if (seen->st_uid != 0 && seen->st_uid != geteuid() && secret) {
		err_fail(err, ERR_CONFIG, "'%s' holds a secret and belongs to another user",
			site->file);
		return err_hint(err, "chown %u '%s'", (unsigned)geteuid(), site->file);
	}
	if (!others_write && (!secret || !(seen->st_mode & 0077)))
		return true;
	if (others_write)
		err_fail(err, ERR_CONFIG, "others may write '%s'", site->file);
	else
		err_fail(err, ERR_CONFIG, "'%s' holds a secret and others may read it", site->file);
	return err_hint(err, "chmod 600 '%s'", site->file);
}

static bool no_site(const char *file, Err *err)
{
	if (file)
		err_fail(err, ERR_CONFIG, "there is no site file '%s'", file);
	else
		err_fail(err, ERR_CONFIG, "no site is known yet");
	return err_hint(err, "belay adopt");
}

static bool choose_file(const char *name_or_file, char **ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!name_or_file) {
		if (!site_names(&names, err))
			return false;
		if (!names.len)
			return no_site(NULL, err);
		if (names.len > 1) {
			AUTO(free_auto) char *all = strlist_join(&names, ", ");

			err_fail(err, ERR_USAGE, "there are several sites: %s", all);
			return err_hint(err, "name one: belay --site %s …", names.items[0]);
		}
		name_or_file = names.items[0];
	} else if (!strchr(name_or_file, '/') && !check_name(name_or_file, err)) {
		return false;
	}
	*ret = site_file_path(name_or_file);
	return true;
}

bool site_load(const char *name_or_file, Site *ret, Err *err)
{
	AUTO(site_clear) Site site = {0};
	AUTO(free_auto) char *file = NULL;
	AUTO(free_auto) char *text = NULL;
	struct stat seen;

	if (!choose_file(name_or_file, &file, err))
		return false;
	if (stat(file, &seen) < 0)
		return errno == ENOENT ? no_site(file, err)
				       : err_fail_sys(err, "reading the site file '%s'", file);
	if (!file_read(file, SITE_FILE_MAX, &text, NULL, err))
		return err_wrap(err, "reading the site file");
	if (!site_parse(text, file, &site, err))
		return false;
	if (!check_access(&site, &seen, err))
		return false;
	*ret = site;
	site = (Site){0};
	return true;
}

void site_clear(Site *site)
{
	free(site->name);
	free(site->file);
	free(site->state_dir);
	free(site->host);
	for (const SiteKey *key = site_keys; key->name; key++)
		if (key->type == KEY_TEXT || key->type == KEY_PATH || key->type == KEY_CHOICE)
			free(*(char **)((char *)site + key->offset));
	recipe_clear(&site->recipe);
	webui_env_clear(&site->webui);
	database_url_clear(&site->database);
	*site = (Site){0};
}
