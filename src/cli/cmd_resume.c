#include "cli/commands.h"

int cmd_resume(Cli *cli, Err *err)
{
	FlowWish wish = {.finish = args_flag(cli->args, "finish"),
		.undo = args_flag(cli->args, "undo"),
		.plan_only = args_flag(cli->args, "plan")};

	if (wish.finish && wish.undo) {
		err_fail(err, ERR_USAGE, "'--finish' and '--undo' exclude each other");
		return err_exit_status(err->kind);
	}
	return cli_flow_asking(cli, flow_resume, &wish, err);
}
