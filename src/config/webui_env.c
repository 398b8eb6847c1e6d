#include "config/webui_env.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"

#define DOTENV_MAX   (1024 * 1024)
#define KEY_FILE_MAX (64 * 1024)

/* What `.env` adds; python-dotenv never replaces a value that is already set, be it empty. */
static void merge_missing(StrList *merged, const StrList *more)
{
	for (size_t i = 0; i < more->len; i++) {
		size_t len = strcspn(more->items[i], "=");
		AUTO(free_auto) char *name = str_dup_n(more->items[i], len);

		if (!env_get(merged, name))
			strlist_add(merged, more->items[i]);
		if (redact_name_is_secret(name))
			redact_add(more->items[i] + len + 1);
	}
}

static bool merge_dotenv(const char *package_dir, WebuiEnv *settings, Err *err)
{
	AUTO(free_auto) char *site_packages = path_folder(package_dir);
	AUTO(free_auto) char *base = path_folder(site_packages);
	AUTO(free_auto) char *path = path_join(base, ".env");
	AUTO(free_auto) char *text = NULL;
	AUTO(strlist_clear) StrList found = {0};

	if (!file_exists(path))
		return true;
	if (!file_read(path, DOTENV_MAX, &text, NULL, err))
		return err_wrap(err, "reading the settings of Open WebUI");
	if (!dotenv_parse(text, &settings->merged, &found, err))
		return err_wrap(err, "'%s'", path);
	merge_missing(&settings->merged, &found);
	settings->env_file = TAKE(path);
	return true;
}

static void find_data_dir(const char *start_directory, const char *package_dir, WebuiEnv *settings)
{
	const char *given = env_get(&settings->merged, "DATA_DIR");
	AUTO(free_auto) char *inside = package_dir ? path_join(package_dir, "data") : NULL;
	AUTO(free_auto) char *inside_real = inside ? path_real(inside) : NULL;
	/* After the data moved out, PACKAGE/data of every release is a link to it. */
	bool moved = inside_real && file_kind(inside) == FILE_LINK;

	if (given) {
		AUTO(free_auto)
		char *path = given[0] == '/' ? str_dup(given) : path_join(start_directory, given);
		AUTO(free_auto) char *real = path_real(path);

		/* "./data" */
		if (given[0] != '/' && real)
			str_replace(&path, real);
		settings->data_inside_environment = str_is(path, inside) ||
						    (real && str_is(real, inside_real));
		settings->data_dir = moved && settings->data_inside_environment ? TAKE(inside_real)
										: TAKE(path);
		return;
	}
	settings->data_inside_environment = true;
	settings->data_dir = moved ? TAKE(inside_real) : TAKE(inside);
}

/* The parts win over DATABASE_URL when all are set and not empty; user and password count as one
 * part, and the password goes in as it is. */
static char *url_of_parts(const StrList *env)
{
	const char *type = env_get(env, "DATABASE_TYPE");
	const char *user = env_get(env, "DATABASE_USER");
	const char *password = env_get(env, "DATABASE_PASSWORD");
	const char *host = env_get(env, "DATABASE_HOST");
	const char *port = env_get(env, "DATABASE_PORT");
	const char *name = env_get(env, "DATABASE_NAME");

	if (str_empty(type) || str_empty(host) || str_empty(port) || str_empty(name))
		return NULL;
	if (str_empty(user) && str_empty(password))
		return NULL;
	return str_format("%s://%s%s%s@%s:%s/%s", type, user ? user : "",
		str_empty(password) ? "" : ":", password ? password : "", host, port, name);
}

/* Open WebUI replaces the text wherever it stands; a URL has it only in front. */
static void modern_scheme(char **url)
{
	if (str_starts(*url, "postgres://")) {
		char *modern = str_format("postgresql://%s", *url + strlen("postgres://"));

		free(*url);
		*url = modern;
	}
}

static void find_database(WebuiEnv *settings)
{
	const char *given = env_get(&settings->merged, "DATABASE_URL");
	const char *type = env_get(&settings->merged, "DATABASE_TYPE");

	settings->database_url = url_of_parts(&settings->merged);
	settings->database_from = "DATABASE_* parts";
	if (!settings->database_url && str_is(type, "sqlite+sqlcipher") && str_empty(given)) {
		settings->database_url = str_format(
			"sqlite+sqlcipher:///%s/webui.db", settings->data_dir);
	} else if (!settings->database_url && given) {
		settings->database_url = str_dup(given);
		settings->database_from = "DATABASE_URL";
	} else if (!settings->database_url && settings->data_dir) {
		settings->database_url = str_format("sqlite:///%s/webui.db", settings->data_dir);
		settings->database_from = "default";
	}
	if (settings->database_url)
		modern_scheme(&settings->database_url);
}

static void set_key(WebuiEnv *settings, KeySource source, const char *key, size_t len)
{
	char hex[SHA256_HEX_SIZE];

	sha256_of(key, len, hex);
	settings->key_source = source;
	str_replace(&settings->key_sha256, hex);
	redact_add(key);
}

bool webui_env_use_key_file(WebuiEnv *settings, const char *path, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	size_t len = 0;

	if (!file_read(path, KEY_FILE_MAX, &text, &len, err))
		return err_wrap(err, "reading the secret key");
	set_key(settings, KEY_IN_FILE, text, len);
	str_replace(&settings->key_file, path);
	return true;
}

void webui_env_move_data(WebuiEnv *settings, const char *data_dir)
{
	str_replace(&settings->data_dir, data_dir);
	if (settings->database_url && !str_is(settings->database_from, "default"))
		return;
	free(settings->database_url);
	settings->database_url = str_format("sqlite:///%s/webui.db", data_dir);
	settings->database_from = "default";
}

/* `serve` decides before it reads `.env`: only the real environment can turn the file off. */
static bool find_key(const StrList *env, const char *start_directory, WebuiEnv *settings, Err *err)
{
	const char *key = env_get(env, "WEBUI_SECRET_KEY");
	AUTO(free_auto) char *path = path_join(start_directory, ".webui_secret_key");

	if (!key && file_exists(path)) {
		return webui_env_use_key_file(settings, path, err);
	}
	if (!key)
		key = env_get(&settings->merged, "WEBUI_SECRET_KEY");
	if (!key)
		key = env_get(&settings->merged, "WEBUI_JWT_SECRET_KEY");
	if (!str_empty(key))
		set_key(settings, KEY_IN_ENVIRONMENT, key, strlen(key));
	return true;
}

static int count_workers(const StrList *env)
{
	const char *text = env_get(env, "UVICORN_WORKERS");
	long workers = text ? strtol(text, NULL, 10) : 1;

	return workers < 1 || workers > 1024 ? 1 : (int)workers;
}

bool webui_env_read(const StrList *env, const char *start_directory, const char *package_dir,
	WebuiEnv *ret, Err *err)
{
	AUTO(webui_env_clear) WebuiEnv settings = {0};
	const char *vectors;

	strlist_add_all(&settings.merged, env);
	if (package_dir && !merge_dotenv(package_dir, &settings, err))
		return false;
	find_data_dir(start_directory, package_dir, &settings);
	find_database(&settings);
	if (!find_key(env, start_directory, &settings, err))
		return false;
	settings.workers = count_workers(&settings.merged);
	vectors = env_get(&settings.merged, "VECTOR_DB");
	settings.vector_db = str_dup(str_empty(vectors) ? "chroma" : vectors);
	*ret = settings;
	settings = (WebuiEnv){0};
	return true;
}

void webui_env_clear(WebuiEnv *settings)
{
	strlist_clear(&settings->merged);
	free(settings->env_file);
	free(settings->database_url);
	free(settings->data_dir);
	free(settings->key_file);
	free(settings->key_sha256);
	free(settings->vector_db);
	*settings = (WebuiEnv){0};
}
