#include "cli/cli.h"

#include "base/event.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/confirm.h"

void cli_shown(Cli *cli, json_t *data, int exit_status)
{
	AUTO(json_release_auto) json_t *owned = data;
	const Event event = {.kind = EVENT_RESULT, .ms = -1, .data = owned};

	if (!cli->json)
		return;
	json_put(owned, "command", cli->args->command->name);
	json_put(owned, "outcome", "shown");
	json_put_int(owned, "exit_status", exit_status);
	event_emit(&event);
}

int cli_flow(Cli *cli, Flow flow, const FlowWish *wish, Err *err)
{
	AUTO(flow_end_clear) FlowEnd end = {0};
	const bool done = flow(&cli->site, wish, &end, err);

	if (!cli->json && str_is(end.outcome, "planned"))
		plan_show(json_object_get(end.result, "plan"), &cli->result);
	if (!done && end.exit_status == 0)
		return err_exit_status(err->kind);
	return end.exit_status;
}

int cli_flow_asking(Cli *cli, Flow flow, FlowWish *wish, Err *err)
{
	if (!cli->yes && !wish->plan_only) {
		wish->confirm = confirm_plan;
		wish->arg = cli;
	}
	return cli_flow(cli, flow, wish, err);
}

bool cli_take_wheels(Cli *cli, Err *err)
{
	const char *folder = args_value(cli->args, "wheels");
	const char *image = args_value(cli->args, "image-file");

	return (!folder || site_key_set(&cli->site, site_key_find("wheels"), folder, err)) &&
	       (!image || site_key_set(&cli->site, site_key_find("image_file"), image, err));
}
