#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "database/guarded_env.h"
#include "os/file.h"
#include "rehearse/boot.h"

/* ---- the command ---- */

/* The words that name the site's environment, or one of its releases, name the target instead. */
static char *led_to_target(const Site *site, const Release *target, const char *word)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *real = path_real(site->environment);
	const char *below = NULL;

	if (system_program(site, word))
		return str_format("%s/bin/%s", target->path, system_program(site, word));
	if (path_below(word, site->environment))
		below = word + strlen(site->environment);
	else if (real && path_below(word, real))
		below = word + strlen(real);
	else if (path_below(word, releases) && word[strlen(releases)] == '/')
		below = strchr(word + strlen(releases) + 1, '/');
	return below ? str_format("%s%s", target->path, below) : str_dup(word);
}

/* `--name value` and `--name=value`, wherever; else it is added. */
static void set_option(StrList *argv, const char *name, const char *value)
{
	AUTO(free_auto) char *joined = str_format("%s=", name);
	AUTO(strlist_clear) StrList before = *argv;
	bool found = false;

	*argv = (StrList){0};
	for (size_t i = 0; i < before.len; i++) {
		const char *word = before.items[i];

		if (str_starts(word, joined)) {
			strlist_addf(argv, "%s%s", joined, value);
			found = true;
		} else if (str_is(word, name) && i + 1 < before.len) {
			strlist_add(argv, word);
			strlist_add(argv, value);
			i++;
			found = true;
		} else {
			strlist_add(argv, word);
		}
	}
	if (found)
		return;
	strlist_add(argv, name);
	strlist_add(argv, value);
}

void boot_argv(const Site *site, const Release *target, StrList *ret)
{
	for (size_t i = 0; i < site->recipe.argv.len; i++) {
		AUTO(free_auto)
		char *word = led_to_target(site, target, site->recipe.argv.items[i]);

		/* An interpreter elsewhere would find modules of elsewhere. */
		strlist_add(ret, i == 0 ? target->python : word);
	}
}

void boot_listen(StrList *argv, int port)
{
	AUTO(free_auto) char *number = str_format("%d", port);

	set_option(argv, "--host", "127.0.0.1");
	set_option(argv, "--port", number);
}

/* ---- the environment ---- */

typedef enum {
	TO_VALUE,  /* set, whatever the site says */
	TO_FOLDER, /* where the site sets it: below the scratch folder */
} Guard;

/* Set, not unset, as all of the guarded environment. Redis is shared with the live server, which
 * would hear of sessions and locks of a server that is not there; functions of the site may want
 * packages installed at start; models would be looked for on the network first. */
static const struct {
	const char *name;
	Guard guard;
	const char *value;
} guards[] = {
	{"REDIS_URL", TO_VALUE, ""},
	{"REDIS_SENTINEL_HOSTS", TO_VALUE, ""},
	{"WEBSOCKET_MANAGER", TO_VALUE, ""},
	{"WEBSOCKET_REDIS_URL", TO_VALUE, ""},
	{"WEBSOCKET_SENTINEL_HOSTS", TO_VALUE, ""},
	{"CHROMA_HTTP_HOST", TO_VALUE, ""},
	{"UVICORN_WORKERS", TO_VALUE, "1"},
	{"PIP_NO_INDEX", TO_VALUE, "1"},
	{"HF_HUB_OFFLINE", TO_VALUE, "1"},
	{"STATIC_DIR", TO_FOLDER, "static"},
	{"AUDIT_LOGS_FILE_PATH", TO_FOLDER, "audit.log"},
};

/* Chroma and pgvector lie in the scratch folder and in the scratch database; every other store is a
 * server of the site's that a newer client might upgrade. */
static bool vectors_are_elsewhere(const Site *site)
{
	const char *kind = env_get(&site->webui.merged, "VECTOR_DB");

	return !str_empty(kind) && !str_is(kind, "chroma") && !str_is(kind, "pgvector");
}

bool boot_env(const Site *site, const char *url, const Scratch *scratch, StrList *ret, Err *err)
{
	if (!guarded_env(site, url, scratch->data_dir, ret, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(guards); i++) {
		AUTO(free_auto) char *path = path_join(scratch->folder, guards[i].value);
		const char *name = guards[i].name;

		if (guards[i].guard == TO_VALUE)
			env_set(ret, name, guards[i].value);
		else if (!str_empty(env_get(&site->webui.merged, name)))
			env_set(ret, name, path);
	}
	if (vectors_are_elsewhere(site))
		env_set(ret, "VECTOR_DB", "chroma");
	return true;
}

void boot_replaced(const Site *site, StrList *ret)
{
	for (size_t i = 0; i < COUNT_OF(guards); i++) {
		const char *set = env_get(&site->webui.merged, guards[i].name);

		if (!str_empty(set) && !str_is(set, guards[i].value))
			strlist_add(ret, guards[i].name);
	}
	if (vectors_are_elsewhere(site))
		strlist_add(ret, "VECTOR_DB");
}
