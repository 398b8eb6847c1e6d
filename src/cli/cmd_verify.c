#include "cli/commands.h"

int cmd_verify(Cli *cli, Err *err)
{
	const FlowWish wish = {.set = args_word(cli->args, 0),
		.all = args_flag(cli->args, "all"),
		.newest = args_flag(cli->args, "newest")};

	if ((wish.set != NULL) + wish.all + wish.newest > 1) {
		err_fail(err, ERR_USAGE, "SET, '--all' and '--newest' exclude each other");
		return err_exit_status(err->kind);
	}
	return cli_flow(cli, flow_verify, &wish, err);
}
