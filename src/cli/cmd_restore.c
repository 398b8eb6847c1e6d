#include "cli/commands.h"

int cmd_restore(Cli *cli, Err *err)
{
	FlowWish wish = {.set = args_word(cli->args, 0), .plan_only = args_flag(cli->args, "plan")};

	return cli_flow_asking(cli, flow_restore, &wish, err);
}
