#include "cli/commands.h"

int cmd_upgrade(Cli *cli, Err *err)
{
	FlowWish wish = {.version = args_word(cli->args, 0),
		.plan_only = args_flag(cli->args, "plan"),
		.skip_rehearsal = args_flag(cli->args, "skip-rehearsal")};

	if (!cli_take_wheels(cli, err))
		return err_exit_status(err->kind);
	cli->site.disconnect_others |= args_flag(cli->args, "disconnect-others");
	cli->site.accept_replication |= args_flag(cli->args, "accept-replication");
	return cli_flow_asking(cli, flow_upgrade, &wish, err);
}
