#include "database/guarded_env.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define KEY_MAX 4096

/* The key that the running server has: of its environment, or of the file that `serve` reads. */
static bool find_key(const Site *site, char **ret, Err *err)
{
	const char *set = env_get(&site->recipe.env, "WEBUI_SECRET_KEY");
	AUTO(free_auto) char *text = NULL;

	if (str_empty(set) && site->webui.key_file) {
		if (!file_read(site->webui.key_file, KEY_MAX, &text, NULL, err))
			return err_wrap(err, "reading the secret key");
		*ret = str_dup(str_trim(text));
		return true;
	}
	if (str_empty(set))
		set = env_get(&site->webui.merged, "WEBUI_SECRET_KEY");
	if (str_empty(set)) {
		err_fail(err, ERR_VERIFY, "the secret key of the site was not found");
		return err_hint(err, "belay adopt");
	}
	*ret = str_dup(set);
	return true;
}

bool guarded_env(const Site *site, const char *url, const char *data_dir, StrList *ret, Err *err)
{
	/* Empty counts as not set for Open WebUI, and as set for python-dotenv: so `.env` cannot
	 * put the parts back, which would win over DATABASE_URL. */
	static const char *const parts[] = {"DATABASE_TYPE", "DATABASE_USER", "DATABASE_PASSWORD",
		"DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME"};
	AUTO(free_auto) char *key = NULL;

	if (!find_key(site, &key, err))
		return false;
	strlist_add_all(ret, &site->recipe.env);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		env_set(ret, parts[i], "");
	env_set(ret, "DATABASE_URL", url);
	env_set(ret, "PGVECTOR_DB_URL", url);
	env_set(ret, "DATA_DIR", data_dir);
	env_set(ret, "WEBUI_SECRET_KEY", key);
	env_set(ret, "PYTHONUNBUFFERED", "1");
	/* They would bring modules of another environment in. */
	env_unset(ret, "PYTHONHOME");
	env_unset(ret, "PYTHONPATH");
	return true;
}
