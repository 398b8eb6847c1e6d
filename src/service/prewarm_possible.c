#include <string.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/process_table.h"
#include "service/prewarm_parts.h"
#include "service/server_process.h"

#define NEEDED_UNKNOWN_KB 1200000 /* a full environment of 0.12.4 waits with 1.1 GB */
#define GROWTH_KB         130000  /* seen from go to healthy: 70 to 125 MB */
#define CLOCKS_MS         100     /* starts are told in ticks, times of files in jiffies */

static const char *setting(const Site *site, const char *name)
{
	const char *value = env_get(&site->webui.merged, name);

	return value ? value : env_get(&site->recipe.env, name);
}

/* `serve` then tries torch and changes LD_LIBRARY_PATH before anything else is imported. */
static bool wants_cuda(const Site *site)
{
	const char *value = setting(site, "USE_CUDA_DOCKER");

	return value && strcasecmp(value, "true") == 0;
}

static bool is_recorded(const Site *site, const Process *server)
{
	return server->pid == site->recipe.pid && server->start_ticks == site->recipe.start_ticks;
}

/* A changed script would start it differently; a moved one keeps its time of writing, so the time
 * of that change counts, too. */
static bool script_is_older(const char *script, const Process *server)
{
	const int64_t began = process_began_ms(server->start_ticks) + CLOCKS_MS;
	struct stat about;

	return stat(script, &about) == 0 &&
	       about.st_mtim.tv_sec * 1000 + about.st_mtim.tv_nsec / 1000000 <= began &&
	       about.st_ctim.tv_sec * 1000 + about.st_ctim.tv_nsec / 1000000 <= began;
}

static bool writes_to_one_file(const Process *server)
{
	const char *out = server->stdout_path;

	return out && out[0] == '/' && str_is(out, server->stderr_path);
}

static bool script_fits(const Site *site, const Process *server, Err *why)
{
	if (site->service != SERVICE_SCRIPT)
		return true;
	if (!server)
		return err_fail(why, ERR_REFUSED,
			"no server is running that the start script could be compared with");
	if (!script_is_older(site->start_script, server))
		return err_fail(why, ERR_REFUSED,
			"the start script was changed after the server was started");
	/* Through tee or a log rotator: only the script can make that pipe again. */
	if (!writes_to_one_file(server))
		return err_fail(why, ERR_REFUSED, "the server's output does not go to one file");
	return true;
}

static bool memory_suffices(const PrewarmSpec *spec, const Process *server, Err *why)
{
	const int64_t available = memory_available_kb();
	int64_t needed = spec->needed_kb;

	if (!needed && server)
		needed = process_pss_kb(server->pid);
	if (!needed)
		needed = NEEDED_UNKNOWN_KB;
	needed += needed / 10 + GROWTH_KB;
	if (needed <= available)
		return true;
	return err_fail(why, ERR_REFUSED, "it needs %s of memory, and %s are available",
		str_bytes((unsigned long long)needed * 1000),
		str_bytes((unsigned long long)(available < 0 ? 0 : available) * 1000));
}

static bool settings_fit(const PrewarmSpec *spec, Err *why)
{
	const Site *site = spec->site;

	if (site->service == SERVICE_SYSTEMD)
		return err_fail(why, ERR_REFUSED, "systemd starts the server in its unit");
	if (site_in_container(site))
		return err_fail(why, ERR_REFUSED,
			"Docker takes the port when a container starts, and one cannot wait for it");
	if (site->webui.workers > 1)
		return err_fail(
			why, ERR_REFUSED, "%d workers serve this site", site->webui.workers);
	if (wants_cuda(site))
		return err_fail(why, ERR_REFUSED, "USE_CUDA_DOCKER is set");
	if (!spec->planned && (!spec->modules || file_kind(spec->modules) != FILE_REGULAR))
		return err_fail(
			why, ERR_REFUSED, "no rehearsal has listed the modules of this release");
	if (!prewarm_knows_command(site))
		return err_fail(
			why, ERR_REFUSED, "the server is started by a command of another kind");
	return true;
}

bool prewarm_possible(const PrewarmSpec *spec, Err *ret_why)
{
	AUTO(process_clear) Process server = {0};
	bool found = false;

	if (!settings_fit(spec, ret_why))
		return false;
	server_find(spec->site, &server, &found);
	if (found && !spec->planned && !is_recorded(spec->site, &server))
		return err_fail(ret_why, ERR_REFUSED,
			"the recorded start is not that of the running server");
	return script_fits(spec->site, found ? &server : NULL, ret_why) &&
	       memory_suffices(spec, found ? &server : NULL, ret_why);
}
