#include <string.h>

#include "backup/site_of_set.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "os/file.h"

/* Nothing is known of the site that is named, or of any. */
static bool nothing_known(const char *name, bool *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *file = name ? site_file_path(name) : NULL;

	if (!file && !site_names(&names, err))
		return false;
	*ret = file ? !file_exists(file) : names.len == 0;
	return true;
}

static char *absolute(const char *path)
{
	AUTO(free_auto) char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);

	return here ? path_join(here, path) : str_dup(path);
}

bool restore_make_site(Cli *cli, bool *ret_made, Err *err)
{
	AUTO(strlist_clear) StrList settings = {0};
	AUTO(free_auto) char *set = absolute(args_word(cli->args, 0));
	const char *name = args_value(cli->args, "name");
	bool unknown;

	args_settings(cli->args, &settings);
	if (!name)
		name = args_value(cli->args, "site");
	if (!nothing_known(name, &unknown, err))
		return false;
	*ret_made = unknown && file_kind(set) == FILE_FOLDER;
	if (*ret_made) {
		const SiteOfSetWish wish = {
			.set = set, .name = name, .settings = strlist_argv(&settings)};

		return site_of_set(&wish, &cli->site, err);
	}
	if (!unknown && (settings.len > 0 || args_value(cli->args, "name"))) {
		err_fail(err, ERR_USAGE,
			"this site is known: its settings stand in its site file, not in options");
		return err_hint(err, "belay restore SET");
	}
	return true;
}

int cmd_restore(Cli *cli, Err *err)
{
	AUTO(free_auto) char *set = absolute(args_word(cli->args, 0));
	FlowWish wish = {.set = args_word(cli->args, 0), .plan_only = args_flag(cli->args, "plan")};

	cli->site.disconnect_others |= args_flag(cli->args, "disconnect-others");
	if (file_exists(cli->site.file))
		return cli_flow_asking(cli, flow_restore, &wish, err);
	wish.set = set;
	return cli_flow_asking(cli, flow_restore_empty, &wish, err);
}
