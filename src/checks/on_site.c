/* Checks on the running server, its start and its environment. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "checks/check_table.h"
#include "config/system_python.h"
#include "os/disk.h"
#include "os/file.h"
#include "os/http.h"
#include "os/process_table.h"
#include "release/link.h"
#include "service/service.h"

FindingKind check_service(const CheckCtx *ctx, Err *why)
{
	AUTO(service_state_clear) ServiceState state = {0};

	if (!service_state(ctx->site, &state, why))
		return FINDING_UNKNOWN;
	if (state.stranger) {
		err_fail(why, ERR_REFUSED, "port %d is taken by another program: %s",
			ctx->site->port,
			state.stranger_is ? state.stranger_is : "it cannot be seen by this user");
		err_hint(why, "end that program or give Open WebUI another port, then belay adopt");
		return FINDING_REFUSED;
	}
	if (!state.pid) {
		err_fail(why, ERR_REFUSED, "the server is not running; an upgrade will start it");
		return FINDING_WARNING;
	}
	return FINDING_OK;
}

static bool ask_version(const Site *site, char **ret, Err *err)
{
	AUTO(free_auto)
	char *url = str_format(
		strchr(site->host, ':') ? "http://[%s]:%d/api/version" : "http://%s:%d/api/version",
		site->host, site->port);
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(json_release_auto) json_t *body = NULL;
	const HttpRequest request = {.url = url, .timeout_ms = 5000, .max_bytes = 64 * 1024};

	if (!http_ask(&request, &answer, err) ||
		!json_parse(answer.body, answer.length, 64 * 1024, &body, err))
		return err_wrap(err, "asking '%s'", url);
	*ret = str_dup(json_str(body, "version"));
	return true;
}

FindingKind check_running_version(const CheckCtx *ctx, Err *why)
{
	AUTO(service_state_clear) ServiceState state = {0};
	AUTO(free_auto) char *version = NULL;

	if (!service_state(ctx->site, &state, why))
		return FINDING_UNKNOWN;
	if (!state.pid)
		return FINDING_OK;
	if (!ask_version(ctx->site, &version, why))
		return FINDING_UNKNOWN;
	if (str_is(version, ctx->current->version))
		return FINDING_OK;
	if (site_in_container(ctx->site)) {
		err_fail(why, ERR_REFUSED,
			"version '%s' answers at port %d, but image '%s' holds version '%s'",
			version ? version : "(none)", ctx->site->port, ctx->current->image,
			ctx->current->version);
		return FINDING_REFUSED;
	}
	err_fail(why, ERR_REFUSED, "version '%s' is running, but '%s' holds version '%s'",
		version ? version : "(none)", ctx->site->environment, ctx->current->version);
	err_hint(why, "somebody upgraded the package in place: restart the server, then try again");
	return FINDING_REFUSED;
}

FindingKind check_start_script(const CheckCtx *ctx, Err *why)
{
	AUTO(service_state_clear) ServiceState state = {0};
	struct stat script;

	if (ctx->site->service != SERVICE_SCRIPT)
		return FINDING_OK;
	if (stat(ctx->site->start_script, &script) != 0) {
		err_fail_sys(why, "the start script '%s' cannot be read", ctx->site->start_script);
		err_hint(why, "belay adopt --start-script PATH");
		return FINDING_REFUSED;
	}
	if (!service_state(ctx->site, &state, why))
		return FINDING_UNKNOWN;
	if (!state.pid || script.st_mtime * 1000 <= process_began_ms(state.start_ticks))
		return FINDING_OK;
	err_fail(why, ERR_REFUSED,
		"the start script '%s' was changed after the server was started: the next start may differ",
		ctx->site->start_script);
	return FINDING_WARNING;
}

FindingKind check_workers(const CheckCtx *ctx, Err *why)
{
	const WebuiEnv *webui = &ctx->site->webui;

	if (webui->workers > 1) {
		err_fail(why, ERR_REFUSED, "%d workers serve this site: the start takes longer",
			webui->workers);
		return FINDING_WARNING;
	}
	if (!str_empty(env_get(&webui->merged, "REDIS_URL")) ||
		!str_empty(env_get(&webui->merged, "WEBSOCKET_REDIS_URL"))) {
		err_fail(why, ERR_REFUSED,
			"Redis is configured: if other hosts serve the same database, stop them first");
		return FINDING_WARNING;
	}
	return FINDING_OK;
}

FindingKind check_secret_key(const CheckCtx *ctx, Err *why)
{
	if (ctx->site->webui.key_source == KEY_IN_FILE && site_in_container(ctx->site))
		return check_container_key(ctx, why);
	if (ctx->site->webui.key_source != KEY_NONE)
		return FINDING_OK;
	if (site_in_container(ctx->site)) {
		err_fail(why, ERR_REFUSED,
			"no secret key: neither WEBUI_SECRET_KEY nor a file of belay's own");
		err_hint(why, "belay adopt (it finds the one in the running container)");
		return FINDING_REFUSED;
	}
	err_fail(why, ERR_REFUSED,
		"no secret key: neither WEBUI_SECRET_KEY nor a file .webui_secret_key in '%s'",
		ctx->site->start_directory);
	err_hint(why, "find the key of the running server first: a new one ends all sessions");
	return FINDING_REFUSED;
}

FindingKind check_environment_link(const CheckCtx *ctx, Err *why)
{
	AUTO(free_auto) char *target = NULL;
	LinkState state;

	if (system_serves(ctx->site))
		return FINDING_OK;
	if (!link_state(ctx->site, &state, &target, why))
		return FINDING_UNKNOWN;
	if (disk_is_mount_point(ctx->site->environment)) {
		err_fail(why, ERR_REFUSED, "'%s' is a mount point and cannot become a link",
			ctx->site->environment);
		err_hint(why, "install Open WebUI into a folder below it, then belay adopt");
		return FINDING_REFUSED;
	}
	if (state == LINK_FOLDER || state == LINK_RELEASE)
		return FINDING_OK;
	err_fail(why, ERR_REFUSED, "'%s' is neither an environment nor a link to a release: %s",
		ctx->site->environment, target ? target : "nothing is there");
	return FINDING_REFUSED;
}

FindingKind check_exchange(const CheckCtx *ctx, Err *why)
{
	AUTO(free_auto) char *parent = path_folder(ctx->site->environment);

	/* Creating and exchanging two files there also shows that the folder is writable. */
	if (!path_exchange_works(parent, why) ||
		!path_exchange_works(ctx->site->webui.data_dir, why))
		return FINDING_REFUSED;
	return FINDING_OK;
}
