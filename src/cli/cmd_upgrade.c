#include "cli/commands.h"

int cmd_upgrade(Cli *cli, Err *err)
{
	FlowWish wish = {.version = args_word(cli->args, 0),
		.plan_only = args_flag(cli->args, "plan"),
		.skip_rehearsal = args_flag(cli->args, "skip-rehearsal")};

	if (!cli_take_wheels(cli, err))
		return err_exit_status(err->kind);
	return cli_flow_asking(cli, flow_upgrade, &wish, err);
}
