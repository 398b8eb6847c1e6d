/* Checks on a site in the system's Python: will its next start find the environment that belay
 * makes beside it? They say yes for every other site. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "config/system_python.h"
#include "os/file.h"
#include "os/process_table.h"
#include "service/service.h"

#define SCRIPT_MAX (256 * 1024)

static FindingKind hint_line(const Site *site, Err *why)
{
	AUTO(free_auto) char *line = system_path_line(site);

	err_hint(why, "%s", line);
	return FINDING_REFUSED;
}

static FindingKind check_script(const Site *site, Err *why)
{
	AUTO(free_auto) char *text = NULL;

	if (!file_read(site->start_script, SCRIPT_MAX, &text, NULL, why))
		return FINDING_UNKNOWN;
	switch (script_path_look(text, site->environment)) {
	case SCRIPT_WITH:
		return FINDING_OK;
	case SCRIPT_NAMES_OTHER:
		err_fail(why, ERR_REFUSED,
			"the start script '%s' names open-webui by its folder: write 'open-webui' alone, "
			"and before it this line",
			site->start_script);
		return hint_line(site, why);
	case SCRIPT_WITHOUT:
		break;
	}
	err_fail(why, ERR_REFUSED,
		"Open WebUI runs from the system's Python, which is never changed: the start script "
		"'%s' has to look into '%s' first; add this line before it starts open-webui (until "
		"the first upgrade it changes nothing)",
		site->start_script, site->environment);
	return hint_line(site, why);
}

/* What the unit gave to the process that runs now is what it will give to the next one. */
static bool path_of_server(const Site *site, char **ret, Err *why)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(process_clear) Process process = {0};

	if (!service_state(site, &state, why) ||
		(state.pid && !process_read(state.pid, &process, why)))
		return false;
	*ret = str_dup(env_get(state.pid ? &process.env : &site->recipe.env, "PATH"));
	return true;
}

static FindingKind check_unit(const Site *site, Err *why)
{
	AUTO(free_auto) char *bin = path_join(site->environment, "bin");
	AUTO(free_auto) char *path = NULL;

	if (!path_of_server(site, &path, why))
		return FINDING_UNKNOWN;
	if (path && str_starts(path, bin))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"Open WebUI runs from the system's Python, which is never changed: the unit '%s' has "
		"to look into '%s' first; give it this ExecStart= (systemctl edit --full %s) and "
		"restart it",
		site->unit, bin, site->unit);
	err_hint(why,
		"ExecStart=/usr/bin/env PATH=%s:/usr/local/bin:/usr/bin:/bin open-webui serve --host "
		"%s --port %d",
		bin, site->listen, site->port);
	return FINDING_REFUSED;
}

FindingKind check_path_line(const CheckCtx *ctx, Err *why)
{
	const Site *site = ctx->site;

	if (!site->system_script)
		return FINDING_OK;
	if (site->service == SERVICE_SCRIPT)
		return check_script(site, why);
	if (site->service == SERVICE_SYSTEMD)
		return check_unit(site, why);
	err_fail(why, ERR_REFUSED,
		"Open WebUI runs from the system's Python, which is never changed, and no start "
		"script is known that could look into '%s' first: write one with this line in it, "
		"then type: belay adopt --start-script PATH",
		site->environment);
	return hint_line(site, why);
}

FindingKind check_data_folder(const CheckCtx *ctx, Err *why)
{
	const Site *site = ctx->site;

	if (!system_data_is_inside(site))
		return FINDING_OK;
	system_data_refuse(site, why);
	return FINDING_REFUSED;
}
