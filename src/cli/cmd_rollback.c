#include "cli/commands.h"

int cmd_rollback(Cli *cli, Err *err)
{
	FlowWish wish = {.run = args_word(cli->args, 0),
		.plan_only = args_flag(cli->args, "plan"),
		.accept_loss = args_flag(cli->args, "accept-loss")};

	cli->site.disconnect_others |= args_flag(cli->args, "disconnect-others");
	return cli_flow_asking(cli, flow_rollback, &wish, err);
}
