#include <errno.h>
#include <stdlib.h>

#include "adopt/adopt.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "report/columns.h"
#include "report/table.h"

static bool read_pid(const char *text, pid_t *ret, Err *err)
{
	char *end = NULL;
	long pid = 0;

	if (!text)
		return true;
	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno != 0 || *end || pid <= 0 || pid > 1 << 30)
		return err_fail(err, ERR_USAGE, "'%s' is no process id", text);
	*ret = (pid_t)pid;
	return true;
}

static json_t *as_json(const Adoption *adoption, bool written)
{
	json_t *data = json_object(), *findings = json_array(), *warnings = json_array();

	for (size_t i = 0; i < adoption->len; i++) {
		json_t *object = json_object();

		json_put(object, "key", adoption->findings[i].key);
		json_put(object, "value", adoption->findings[i].value);
		json_put(object, "how", adoption->findings[i].how);
		(void)json_array_append_new(findings, object);
	}
	for (size_t i = 0; i < adoption->warnings.len; i++)
		(void)json_array_append_new(warnings, json_string(adoption->warnings.items[i]));
	json_put(data, "site", adoption->site.name);
	json_put(data, "file", adoption->site.file);
	(void)json_object_set_new(data, "written", json_boolean(written));
	(void)json_object_set_new(data, "findings", findings);
	(void)json_object_set_new(data, "warnings", warnings);
	return data;
}

static void show(const Adoption *adoption, Out *out, Out *message)
{
	AUTO(table_free_auto)
	Table *table = table_new(
		3, (const char *const[]){_("what"), _("found"), _("how it is known")});

	for (size_t i = 0; i < adoption->len; i++)
		table_row(table, (const char *const[]){adoption->findings[i].key,
					 adoption->findings[i].value, adoption->findings[i].how});
	table_show(table, out);
	for (size_t i = 0; i < adoption->warnings.len; i++) {
		AUTO(text_clear) Text line = TEXT_INIT(16384);

		text_add(&line, "! ");
		columns_wrap(&line, adoption->warnings.items[i], 2, message->width);
		out_add(message, line.data);
	}
}

int cmd_adopt(Cli *cli, Err *err)
{
	const char *name = args_value(cli->args, "name");
	AUTO(strlist_clear) StrList settings = {0};
	AUTO(adoption_clear) Adoption adoption = {0};
	AdoptWish wish = {.name = name ? name : args_value(cli->args, "site")};
	const bool print = args_flag(cli->args, "print");

	args_settings(cli->args, &settings);
	wish.settings = strlist_argv(&settings);
	if (!read_pid(args_value(cli->args, "pid"), &wish.pid, err) ||
		!adopt_look(&wish, &adoption, err))
		return err_exit_status(err->kind);
	if (!cli->json)
		show(&adoption, &cli->result, &cli->message);
	if (!print && !adopt_save(&adoption, err))
		return err_exit_status(err->kind);
	cli_shown(cli, as_json(&adoption, !print), 0);
	if (!cli->json && !print)
		out_addf(&cli->result, "\n%s %s\n%s belay status, belay check\n", _("written:"),
			adoption.site.file, _("next:"));
	return 0;
}
