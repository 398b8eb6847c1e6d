/* webui_env.h - the settings that Open WebUI itself would use, from its environment and its `.env`.
 *
 * Facts (Open WebUI 0.7.2 to 0.12.4, read in the source and run):
 * - `.env` is BASE_DIR/.env, two levels above the package: ENV/lib/pythonX.Y/.env for a pip
 * install. Values already in the environment win.
 * - DATABASE_TYPE, _USER, _PASSWORD, _HOST, _PORT, _NAME override DATABASE_URL when all are set;
 * the password is put into the URL as it is, not percent-encoded. postgres:// becomes
 * postgresql://.
 * - Without DATABASE_URL: sqlite:///DATA_DIR/webui.db. Without DATA_DIR: PACKAGE/data (for
 * `serve`).
 * - The key is WEBUI_SECRET_KEY of the *environment*, else the file .webui_secret_key in the start
 *   directory; `serve` decides this before `.env` is read, so a key in `.env` only counts when the
 *   file mechanism did not set one (the file always wins over `.env` for `open-webui serve`). */
#pragma once
#include "base/error.h"
#include "base/list.h"

typedef enum { KEY_NONE, KEY_IN_ENVIRONMENT, KEY_IN_FILE } KeySource;

typedef struct WebuiEnv {
	StrList merged;            /* environment plus what .env adds */
	char *env_file;            /* NULL when there is none */
	char *database_url;        /* effective, as SQLAlchemy would get it */
	const char *database_from; /* "DATABASE_URL", "DATABASE_* parts", "default" */
	char *data_dir;            /* absolute */
	bool data_inside_environment;
	KeySource key_source;
	char *key_file;   /* NULL unless KEY_IN_FILE */
	char *key_sha256; /* of the key's text; NULL when KEY_NONE */
	int workers;      /* UVICORN_WORKERS, 1 when unset */
	char *vector_db;  /* "chroma" when unset */
} WebuiEnv;

/* package_dir: …/site-packages/open_webui of the release that runs. NULL when no release is left:
 * then only what the environment says is known, and data_dir and database_url may stay NULL. */
bool webui_env_read(const StrList *env, const char *start_directory, const char *package_dir,
	WebuiEnv *ret, Err *err) NODISCARD;
/* The data is elsewhere than where the package says (moved by a run); the default database with it.
 */
void webui_env_move_data(WebuiEnv *settings, const char *data_dir);
/* Another key file than the one in the start directory. */
bool webui_env_use_key_file(WebuiEnv *settings, const char *path, Err *err) NODISCARD;
void webui_env_clear(WebuiEnv *settings);
/* python-dotenv's common subset: comments, export, quotes, escapes in double quotes, ${NAME}. */
bool dotenv_parse(const char *text, const StrList *env, StrList *ret, Err *err) NODISCARD;
