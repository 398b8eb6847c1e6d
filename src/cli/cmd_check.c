#include "cli/commands.h"

int cmd_check(Cli *cli, Err *err)
{
	const FlowWish wish = {.version = args_word(cli->args, 0)};

	if (!cli_take_wheels(cli, err))
		return err_exit_status(err->kind);
	return cli_flow(cli, flow_check, &wish, err);
}
