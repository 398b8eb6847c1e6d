#include "cli/commands.h"

int cmd_backup(Cli *cli, Err *err)
{
	const FlowWish wish = {0};
	const char *rate = args_value(cli->args, "limit-rate");

	if (rate && !site_key_set(&cli->site, site_key_find("limit_rate"), rate, err))
		return err_exit_status(ERR_USAGE);
	return cli_flow(cli, flow_backup, &wish, err);
}
