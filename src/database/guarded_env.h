/* guarded_env.h - the environment in which a release may be run on a copy: the recipe's, in which
 * everything that leads to the live data is *set* to the copy's. Setting, never unsetting:
 * python-dotenv would put back from `.env` what is not there. Used for migrations and for the boot
 * of a rehearsal. */
#pragma once
#include "base/error.h"
#include "base/list.h"
#include "config/site.h"

/* DATABASE_URL, PGVECTOR_DB_URL, every DATABASE_* part, DATA_DIR, WEBUI_SECRET_KEY. ERR_VERIFY when
 * the site's secret key is not found. */
bool guarded_env(
	const Site *site, const char *url, const char *data_dir, StrList *ret, Err *err) NODISCARD;
