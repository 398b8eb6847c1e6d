#include "config/site.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define GROUPS_MAX 1024
#define KEY_MAX    (64 * 1024)

static bool set_user(const char *name, Recipe *recipe, char **ret_home, Err *err)
{
	struct passwd entry;
	struct passwd *found = NULL;
	AUTO(free_auto) char *buffer = mem_new(1, 16384);
	int count = GROUPS_MAX;
	const int failed = name ? getpwnam_r(name, &entry, buffer, 16384, &found)
				: getpwuid_r(geteuid(), &entry, buffer, 16384, &found);

	if (!found && failed) {
		errno = failed;
		return err_fail_sys(err, "looking for user '%s'", name ? name : "?");
	}
	if (!found)
		return err_fail(err, ERR_CONFIG, "there is no user '%s'", name ? name : "?");
	recipe->user = str_dup(found->pw_name);
	recipe->uid = found->pw_uid;
	recipe->gid = found->pw_gid;
	recipe->groups = mem_new(GROUPS_MAX, sizeof(gid_t));
	if (getgrouplist(found->pw_name, found->pw_gid, recipe->groups, &count) < 0)
		count = 0;
	recipe->group_count = (size_t)count;
	*ret_home = str_dup(found->pw_dir);
	return true;
}

/* `serve` finds only the key file of its working directory; any other has to be handed to it. */
static bool set_key(const Site *site, const char *dir, Recipe *recipe, Err *err)
{
	AUTO(free_auto) char *usual = path_join(dir, ".webui_secret_key");
	AUTO(free_auto) char *key = NULL;

	if (!site->secret_key_file || str_is(site->secret_key_file, usual))
		return true;
	if (!file_read(site->secret_key_file, KEY_MAX, &key, NULL, err))
		return err_wrap(err, "reading the secret key");
	env_set(&recipe->env, "WEBUI_SECRET_KEY", key);
	return true;
}

bool site_plain_recipe(const Site *site, Recipe *ret, Err *err)
{
	AUTO(recipe_clear) Recipe recipe = {.umask = 0022};
	AUTO(free_auto) char *home = NULL;
	const char *language = getenv("LANG");

	if (!set_user(site->user, &recipe, &home, err))
		return false;
	strlist_addf(&recipe.argv, "%s/bin/python", site->environment);
	strlist_addf(&recipe.argv, "%s/bin/open-webui", site->environment);
	strlist_add(&recipe.argv, "serve");
	strlist_add(&recipe.argv, "--host");
	strlist_add(&recipe.argv, site->listen);
	strlist_add(&recipe.argv, "--port");
	strlist_addf(&recipe.argv, "%d", site->port);
	strlist_addf(&recipe.env, "PATH=%s/bin:/usr/local/bin:/usr/bin:/bin", site->environment);
	env_set(&recipe.env, "HOME", home);
	env_set(&recipe.env, "LANG", str_empty(language) ? "C.UTF-8" : language);
	if (site->database_url_text)
		env_set(&recipe.env, "DATABASE_URL", site->database_url_text);
	if (site->data_dir)
		env_set(&recipe.env, "DATA_DIR", site->data_dir);
	recipe.dir = site->start_directory ? str_dup(site->start_directory)
					   : path_folder(site->environment);
	if (!set_key(site, recipe.dir, &recipe, err))
		return false;
	recipe.log = str_dup(site->log_file);
	recipe_learn_secrets(&recipe);
	*ret = recipe;
	recipe = (Recipe){0};
	return true;
}
