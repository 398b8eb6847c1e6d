#include "cli/commands.h"

int cmd_backup(Cli *cli, Err *err)
{
	const FlowWish wish = {0};

	return cli_flow(cli, flow_backup, &wish, err);
}
