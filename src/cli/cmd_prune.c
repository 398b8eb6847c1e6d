#include "cli/commands.h"

int cmd_prune(Cli *cli, Err *err)
{
	FlowWish wish = {.plan_only = args_flag(cli->args, "plan"),
		.way_back = args_value(cli->args, "way-back")};

	return cli_flow_asking(cli, flow_prune, &wish, err);
}
