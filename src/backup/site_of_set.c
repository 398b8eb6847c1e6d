#include "backup/site_of_set.h"

#include <ctype.h>
#include <pwd.h>
#include <string.h>

#include "backup/manifest.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "config/keys.h"
#include "os/file.h"

#define SMALL_MAX    (4 * 1024 * 1024)
#define REPLACED_MAX (1024 * 1024)

typedef struct Making {
	const SiteOfSetWish *wish;
	json_t *manifest;
	Site draft;
	Recipe recipe;
	StrList merged; /* environment of the recipe plus the set's .env */
	char *environment, *directory, *data_dir; /* as they were; data_dir NULL: inside */
} Making;

static void making_clear(Making *making)
{
	json_decref(making->manifest);
	site_clear(&making->draft);
	recipe_clear(&making->recipe);
	strlist_clear(&making->merged);
	free(making->environment);
	free(making->directory);
	free(making->data_dir);
}

static bool wished(const Making *making, const char *key)
{
	const size_t len = strlen(key);

	for (size_t i = 0; making->wish->settings && making->wish->settings[i]; i++)
		if (strncmp(making->wish->settings[i], key, len) == 0 &&
			making->wish->settings[i][len] == '=')
			return true;
	return false;
}

static bool take_wishes(Making *making, Err *err)
{
	site_keys_default(&making->draft);
	for (size_t i = 0; making->wish->settings && making->wish->settings[i]; i++) {
		const char *setting = making->wish->settings[i];
		AUTO(free_auto) char *name = str_dup_n(setting, strcspn(setting, "="));
		const SiteKey *key = site_key_find(name);

		if (!key)
			return err_fail(err, ERR_USAGE, "there is no setting '%s'", name);
		if (key->secret)
			redact_add(strchr(setting, '=') + 1);
		if (!site_key_set(&making->draft, key, strchr(setting, '=') + 1, err))
			return false;
	}
	return true;
}

/* ---- what it was ---- */

static bool read_dotenv(Making *making, Err *err)
{
	AUTO(free_auto) char *path = path_join(making->wish->set, "dotenv");
	AUTO(free_auto) char *text = NULL;
	AUTO(strlist_clear) StrList found = {0};

	strlist_add_all(&making->merged, &making->recipe.env);
	if (!file_exists(path))
		return true;
	if (!file_read(path, SMALL_MAX, &text, NULL, err) ||
		!dotenv_parse(text, &making->merged, &found, err))
		return err_wrap(err, "'%s'", path);
	for (size_t i = 0; i < found.len; i++) {
		AUTO(free_auto)
		char *name = str_dup_n(found.items[i], strcspn(found.items[i], "="));

		if (!env_get(&making->merged, name))
			strlist_add(&making->merged, found.items[i]);
		if (redact_name_is_secret(name))
			redact_add(found.items[i] + strlen(name) + 1);
	}
	return true;
}

static bool read_set(Making *making, Err *err)
{
	AUTO(free_auto) char *start = path_join(making->wish->set, "start.json");
	AUTO(free_auto) char *bin = NULL;

	if (!manifest_read(making->wish->set, &making->manifest, err))
		return false;
	if (!making->manifest)
		return err_fail(err, ERR_USAGE,
			"'%s' is no complete backup set: it has no manifest", making->wish->set);
	if (json_str(making->manifest, "container")) {
		err_fail(err, ERR_REFUSED,
			"'%s' is of Open WebUI in the container '%s', which belay cannot make anew yet",
			making->wish->set, json_str(making->manifest, "container"));
		return err_hint(err, "follow '%s/RESTORE.md'", making->wish->set);
	}
	if (!recipe_load(start, &making->recipe, err) || !read_dotenv(making, err))
		return err_wrap(err, "backup set '%s'", making->wish->set);
	bin = path_folder(making->recipe.argv.items[0]);
	making->environment = path_folder(bin);
	making->directory = str_dup(making->recipe.dir);
	if (env_get(&making->merged, "DATA_DIR"))
		making->data_dir = str_dup(json_str(making->manifest, "data_dir"));
	return true;
}

/* ---- what it becomes ---- */

static void default_path(char **slot, const char *path)
{
	if (!*slot)
		*slot = str_dup(path);
}

static long port_of(const StrList *argv)
{
	for (size_t i = 0; i + 1 < argv->len; i++)
		if (str_is(argv->items[i], "--port"))
			return strtol(argv->items[i + 1], NULL, 10);
	return 0;
}

static void set_places(Making *making)
{
	Site *draft = &making->draft;
	const long port = port_of(&making->recipe.argv);

	default_path(&draft->environment, making->environment);
	default_path(&draft->start_directory, making->directory);
	if (!draft->data_dir && making->data_dir)
		draft->data_dir = str_dup(making->data_dir);
	if (!wished(making, "port") && port > 0 && port <= 65535)
		draft->port = (int)port;
}

static bool ends_here(const char *at)
{
	return !*at || strchr("/:?;, \"'", *at);
}

/* Whole names only: /srv/webui is not a part of /srv/webui2. */
static void replace_path(char **slot, const char *old, const char *new)
{
	AUTO(text_clear) Text out = TEXT_INIT(REPLACED_MAX);
	const size_t len = old ? strlen(old) : 0;

	if (!*slot || len < 2 || str_is(old, new) || !strstr(*slot, old))
		return;
	for (const char *at = *slot; *at;) {
		if (strncmp(at, old, len) == 0 && ends_here(at + len)) {
			text_add(&out, new);
			at += len;
		} else {
			text_add_bytes(&out, at++, 1);
		}
	}
	free(*slot);
	*slot = text_take(&out);
}

/* The longest first: data and environment may lie in the start directory. */
static void replace_places(Making *making, char **slot)
{
	const struct {
		const char *old, *new;
	} places[] = {
		{making->data_dir, making->draft.data_dir},
		{making->environment, making->draft.environment},
		{making->directory, making->draft.start_directory},
	};
	bool done[COUNT_OF(places)] = {false};

	for (size_t round = 0; round < COUNT_OF(places); round++) {
		size_t best = COUNT_OF(places);

		for (size_t i = 0; i < COUNT_OF(places); i++)
			if (!done[i] && places[i].old && places[i].new &&
				(best == COUNT_OF(places) ||
					strlen(places[i].old) > strlen(places[best].old)))
				best = i;
		if (best == COUNT_OF(places))
			return;
		done[best] = true;
		replace_path(slot, places[best].old, places[best].new);
	}
}

static void set_port(Making *making)
{
	StrList *argv = &making->recipe.argv;

	for (size_t i = 0; i + 1 < argv->len; i++) {
		AUTO(free_auto) char *port = str_format("%d", making->draft.port);

		if (str_is(argv->items[i], "--port"))
			str_replace(&argv->items[i + 1], port);
	}
}

static bool set_user(Making *making, Err *err)
{
	Recipe *recipe = &making->recipe;
	const char *name = making->draft.user ? making->draft.user : recipe->user;
	const struct passwd *entry = geteuid() == 0 && name ? getpwnam(name) : getpwuid(geteuid());

	if (!entry) {
		err_fail(err, ERR_REFUSED, "there is no user '%s', as whom the server ran", name);
		return err_hint(err, "useradd '%s', or: belay restore … --user NAME", name);
	}
	if (entry->pw_uid != recipe->uid || entry->pw_gid != recipe->gid)
		recipe->group_count = 0;
	recipe->uid = entry->pw_uid;
	recipe->gid = entry->pw_gid;
	str_replace(&recipe->user, entry->pw_name);
	str_replace(&making->draft.user, entry->pw_name);
	return true;
}

/* The parts win over DATABASE_URL when all are set, also in .env, which never replaces a variable
 * that is set, be it empty. */
static void set_database_url(Making *making, const char *url)
{
	static const char *const parts[] = {"DATABASE_TYPE", "DATABASE_USER", "DATABASE_PASSWORD",
		"DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME"};

	env_set(&making->recipe.env, "DATABASE_URL", url);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (env_get(&making->merged, parts[i]))
			env_set(&making->recipe.env, parts[i], "");
}

/* Before the release is there, nobody reads its .env: what it says of places stands in the site
 * file. */
static bool set_database(Making *making, Err *err)
{
	AUTO(webui_env_clear) WebuiEnv all = {0};

	if (making->draft.database_url_text) {
		set_database_url(making, making->draft.database_url_text);
		return true;
	}
	if (!webui_env_read(&making->merged, making->directory, NULL, &all, err))
		return false;
	if (all.database_url && !env_get(&making->recipe.env, "DATABASE_URL")) {
		making->draft.database_url_text = str_dup(all.database_url);
		if (str_is(all.database_from, "default"))
			replace_places(making, &making->draft.database_url_text);
	}
	return true;
}

static bool set_recipe(Making *making, Err *err)
{
	Recipe *recipe = &making->recipe;

	for (size_t i = 0; i < recipe->argv.len; i++)
		replace_places(making, &recipe->argv.items[i]);
	for (size_t i = 0; i < recipe->env.len; i++)
		replace_places(making, &recipe->env.items[i]);
	replace_places(making, &recipe->log);
	replace_places(making, &recipe->pid_file);
	str_replace(&recipe->dir, making->draft.start_directory);
	if (wished(making, "data_dir"))
		env_set(&recipe->env, "DATA_DIR", making->draft.data_dir);
	if (wished(making, "log_file"))
		str_replace(&recipe->log, making->draft.log_file);
	recipe->pid = 0;
	set_port(making);
	return set_user(making, err) && set_database(making, err);
}

bool site_of_set(const SiteOfSetWish *wish, Site *ret, Err *err)
{
	AUTO(making_clear) Making making = {.wish = wish};
	AUTO(site_clear) Site site = {0};
	AUTO(free_auto) char *file = NULL;
	AUTO(free_auto) char *text = NULL;

	if (!take_wishes(&making, err) || !read_set(&making, err))
		return false;
	set_places(&making);
	if (!set_recipe(&making, err))
		return false;
	file = site_file_path(wish->name ? wish->name : json_str(making.manifest, "site"));
	making.draft.name = str_dup(path_name(file));
	text = site_format(&making.draft);
	recipe_copy(&making.recipe, &site.recipe);
	if (!site_parse(text, file, &site, err))
		return err_wrap(err, "the site of backup set '%s'", wish->set);
	*ret = site;
	site = (Site){0};
	return true;
}

static bool is_tool(const char *frozen)
{
	static const char *const tools[] = {"pip", "setuptools", "wheel", "uv", "open-webui"};

	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		const size_t len = strlen(tools[i]);

		if (strncmp(frozen, tools[i], len) == 0 && strchr(" =@", frozen[len]))
			return true;
	}
	return false;
}

bool set_packages(const BackupSet *set, StrList *ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(set->path, "packages.txt");
	AUTO(free_auto) char *text = NULL;
	AUTO(strlist_clear) StrList lines = {0};

	if (!file_read(path, SMALL_MAX, &text, NULL, err))
		return false;
	strlist_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.len; i++) {
		/* They become words of a command line of pip or uv. */
		if (!isalnum((unsigned char)lines.items[i][0]))
			return err_fail(err, ERR_VERIFY, "'%.100s' in '%s' is not a package",
				lines.items[i], path);
		if (!is_tool(lines.items[i]))
			strlist_add(ret, lines.items[i]);
	}
	return true;
}
