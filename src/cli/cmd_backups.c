#include "backup/backup.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "cli/commands.h"
#include "report/table.h"

static json_t *one(const BackupSet *set)
{
	json_t *object = json_object();

	json_put(object, "name", set->name);
	json_put(object, "path", set->path);
	json_put(object, "version", set->version);
	json_put(object, "revision", set->revision);
	json_put_int(object, "made_ms", set->made_ms);
	json_put_int(object, "bytes", set->bytes);
	(void)json_object_set_new(object, "proven", json_boolean(set->proven));
	(void)json_object_set_new(object, "foreign", json_boolean(set->foreign));
	return object;
}

static json_t *all(const BackupList *list)
{
	json_t *data = json_object(), *sets = json_array();

	for (size_t i = 0; i < list->len; i++)
		(void)json_array_append_new(sets, one(&list->items[i]));
	(void)json_object_set_new(data, "sets", sets);
	return data;
}

static const char *state_of(const BackupSet *set)
{
	if (set->foreign && set->manifest)
		return _("of another site");
	if (set->foreign)
		return set->proven ? _("made by hand, proven") : _("made by hand");
	return set->proven ? _("proven") : _("not proven");
}

static void show(const BackupList *list, Out *out)
{
	AUTO(table_free_auto)
	Table *table = table_new(
		5, (const char *const[]){_("set"), _("made"), _("version"), _("size"), _("state")});

	table_right(table, 3);
	for (size_t i = 0; i < list->len; i++) {
		const BackupSet *set = &list->items[i];
		AUTO(free_auto) char *made = clock_readable(set->made_ms);

		table_row(table, (const char *const[]){set->name, made, set->version,
					 str_bytes((unsigned long long)set->bytes), state_of(set)});
	}
	table_show(table, out);
}

int cmd_backups(Cli *cli, Err *err)
{
	AUTO(backup_list_clear) BackupList list = {0};

	if (!backup_list(&cli->site, &list, err))
		return err_exit_status(err->kind);
	cli_shown(cli, all(&list), 0);
	if (!cli->json && list.len == 0)
		out_addf(&cli->result, _("no backup sets in '%s'\n"), cli->site.backup_dir);
	else if (!cli->json)
		show(&list, &cli->result);
	return 0;
}
