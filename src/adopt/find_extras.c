#include "adopt/look.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

static bool has_package(const StrList *names, const char *prefix)
{
	for (size_t i = 0; i < names->len; i++)
		if (str_starts(names->items[i], prefix) && str_ends(names->items[i], ".dist-info"))
			return true;
	return false;
}

/* pip does not record extras. In every release from 0.6 to 0.12 these three clients come together
 * only with [all], and psycopg2 only with [all] or [postgres]. */
const char *extras_of(const char *site_packages)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(site_packages, &names, &ignored))
		return "";
	if (has_package(&names, "pymilvus-") && has_package(&names, "qdrant_client-") &&
		has_package(&names, "weaviate_client-"))
		return "all";
	return has_package(&names, "psycopg2_binary-") || has_package(&names, "psycopg2-")
		       ? "postgres"
		       : "";
}

static void warn_several_processes(Look *look)
{
	const WebuiEnv *webui = &look->out->site.webui;
	const char *manager = env_get(&webui->merged, "WEBSOCKET_MANAGER");
	const char *redis = env_get(&webui->merged, "REDIS_URL");

	if (webui->workers > 1)
		look_warn(look,
			_("UVICORN_WORKERS is %d: all of them are stopped and started together"),
			webui->workers);
	if (!str_empty(redis) || str_is(manager, "redis"))
		look_warn(look,
			_("Redis is configured: if other servers use the same database, stop them "
			  "before an upgrade"));
}

void find_extras(Look *look)
{
	Site *site = &look->out->site;
	AUTO(free_auto) char *package = look->container.id ? NULL : site_package_dir(site);
	AUTO(free_auto) char *site_packages = package ? path_folder(package) : NULL;

	warn_several_processes(look);
	if (look_wished(look, "extras") || !site_packages)
		return;
	str_replace(&site->extras, extras_of(site_packages));
	look_note(look, "extras", site->extras, _("packages in '%s'"), site_packages);
}
