#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "journal/journal.h"
#include "os/file.h"

enum { FILE_MAX = 8 << 20 };

/* The id given, or the newest run's. */
static bool choose(const Site *site, const char *wanted, char **ret, Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *path = site_path(site, "journal.db");
	AUTO(run_list_clear) RunList list = {0};
	AUTO(run_clear) Run run = {0};

	if (!journal_open_read(path, site->name, &journal, err))
		return false;
	if (!journal) {
		err_fail(err, ERR_USAGE, "there are no runs yet");
		return false;
	}
	if (wanted && !journal_run(journal, wanted, &run, err)) /* also keeps '../' out of paths */
		return false;
	if (!wanted && !journal_runs(journal, 1, &list, err))
		return false;
	if (!wanted && list.len == 0)
		return err_fail(err, ERR_USAGE, "there are no runs yet");
	*ret = str_dup(wanted ? run.id : list.items[0].id);
	return true;
}

static void show_file(const char *folder, const char *name, Out *out)
{
	AUTO(free_auto) char *path = path_join(folder, name);
	AUTO(free_auto) char *text = NULL;
	AUTO(err_clear) Err err = {0};
	size_t len = 0;

	if (file_kind(path) != FILE_REGULAR)
		return;
	out_addf(out, "%s==> %s%s\n", out_ink(out, INK_STRONG), path, out_ink(out, INK_NONE));
	if (!file_read(path, FILE_MAX, &text, &len, &err)) {
		out_addf(out, "%s\n\n", err.local ? err.local : err.text);
		return;
	}
	out_add(out, text);
	out_add(out, len > 0 && text[len - 1] != '\n' ? "\n\n" : "\n");
}

int cmd_logs(Cli *cli, Err *err)
{
	AUTO(free_auto) char *run = NULL;
	AUTO(free_auto) char *below = NULL;
	AUTO(free_auto) char *folder = NULL;
	AUTO(strlist_clear) StrList names = {0};
	json_t *data = NULL, *files = NULL;

	if (!choose(&cli->site, args_word(cli->args, 0), &run, err))
		return err_exit_status(err->kind);
	below = str_format("runs/%s", run);
	folder = site_path(&cli->site, below);
	if (!dir_list(folder, &names, err))
		return err_exit_status(err->kind);
	if (cli->json) {
		data = json_object();
		files = json_array();
		for (size_t i = 0; i < names.len; i++)
			(void)json_array_append_new(files, json_string(names.items[i]));
		json_put(data, "run", run);
		json_put(data, "folder", folder);
		(void)json_object_set_new(data, "files", files);
		cli_shown(cli, data, 0);
		return 0;
	}
	for (size_t i = 0; i < names.len; i++)
		show_file(folder, names.items[i], &cli->result);
	return 0;
}
