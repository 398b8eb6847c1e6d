#include "base/i18n.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "report/columns.h"
#include "report/table.h"

static void row(Table *table, const char *label, const char *value)
{
	if (!str_empty(value))
		table_row(table, (const char *const[]){label, value});
}

static void row_ms(Table *table, const char *label, const json_t *object, const char *key)
{
	row(table, label, str_duration(json_int(object, key, 0)));
}

static void show_waits(const json_t *report, Out *out)
{
	const json_t *predicted = json_object_get(report, "predicted");
	AUTO(table_free_auto) Table *table = table_new(2, NULL);
	const int64_t before = json_int(report, "bytes_before", 0);
	const int64_t after = json_int(report, "bytes_after", 0);
	const int64_t kilobytes = json_int(report, "peak_rss_kb", 0);
	AUTO(free_auto)
	char *growth = str_format("%s -> %s", str_bytes((unsigned long long)before),
		str_bytes((unsigned long long)after));
	AUTO(free_auto)
	char *checkpoints = str_format("%lld", (long long)json_int(report, "checkpoints", 0));

	row(table, _("rehearsed on"), json_str(report, "server"));
	row_ms(table, _("users would have no service for"), predicted, "dark_ms");
	row_ms(table, _("saving would be refused for"), predicted, "read_only_ms");
	row_ms(table, _("migrations took"), report, "migrate_ms");
	row_ms(table, _("the first start took"), report, "boot_ms");
	row(table, _("memory of the migrations"), str_bytes((unsigned long long)kilobytes * 1024));
	row(table, _("size of the database"), growth);
	if (json_int(report, "wal_bytes", 0) > 0)
		row(table, _("write-ahead log"),
			str_bytes((unsigned long long)json_int(report, "wal_bytes", 0)));
	if (json_int(report, "checkpoints", 0) > 0)
		row(table, _("checkpoints of the server"), checkpoints);
	row(table, _("kept off the network"),
		json_flag(report, "caged", false) ? _("yes") : json_str(report, "uncaged"));
	table_show(table, out);
}

static void show_migrations(const json_t *report, Out *out)
{
	AUTO(table_free_auto)
	Table *table = table_new(2, (const char *const[]){_("migration"), _("time")});
	const json_t *one;
	size_t i;

	table_right(table, 1);
	json_array_foreach(json_object_get(report, "migrations"), i, one)
	{
		table_row(table, (const char *const[]){json_str(one, "revision"),
					 str_duration(json_int(one, "ms", 0))});
	}
	if (i == 0)
		return;
	out_add(out, "\n");
	table_show(table, out);
}

static char *rows_text(const json_t *count)
{
	return json_is_integer(count) ? str_format("%lld", (long long)json_integer_value(count))
				      : str_dup("-");
}

static void show_rows(const json_t *report, Out *out)
{
	AUTO(table_free_auto)
	Table *table = table_new(
		3, (const char *const[]){_("table"), _("rows before"), _("rows after")});
	const char *name;
	json_t *one;

	table_right(table, 1);
	table_right(table, 2);
	json_object_foreach(json_object_get(report, "rows"), name, one)
	{
		AUTO(free_auto) char *before = rows_text(json_object_get(one, "before"));
		AUTO(free_auto) char *after = rows_text(json_object_get(one, "after"));

		table_row(table, (const char *const[]){name, before, after});
	}
	if (table_rows(table) == 0)
		return;
	out_add(out, "\n");
	table_show(table, out);
}

static void show_breaking(const json_t *report, Out *out)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(report, "breaking"), i, one)
	{
		AUTO(text_clear) Text line = TEXT_INIT(16384);

		if (i == 0)
			out_addf(out, "\n%s\n",
				_("Breaking changes and migrations, as the change log names them"));
		text_addf(&line, "  - %s ", json_str(one, "version"));
		columns_wrap(&line, json_str(one, "text"), 4, out->width);
		out_add(out, line.data);
	}
}

int cmd_rehearse(Cli *cli, Err *err)
{
	const FlowWish wish = {.version = args_word(cli->args, 0)};
	AUTO(flow_end_clear) FlowEnd end = {0};
	const json_t *report;

	if (!cli_take_wheels(cli, err))
		return err_exit_status(err->kind);
	if (!flow_rehearse(&cli->site, &wish, &end, err) && end.exit_status == 0)
		return err_exit_status(err->kind);
	report = json_object_get(end.result, "rehearsal");
	if (cli->json || !report)
		return end.exit_status;
	out_add(&cli->result, "\n");
	show_waits(report, &cli->result);
	show_migrations(report, &cli->result);
	show_rows(report, &cli->result);
	show_breaking(report, &cli->result);
	return end.exit_status;
}
