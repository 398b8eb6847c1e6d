#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "journal/journal.h"
#include "report/summary.h"
#include "report/table.h"

enum { RUNS_MAX = 200 };

static json_t *run_json(const Run *run)
{
	json_t *object = json_object();

	json_put(object, "run", run->id);
	json_put(object, "command", run->command);
	json_put(object, "outcome", run->outcome);
	json_put_int(object, "exit_status", run->exit_status);
	json_put_int(object, "began_ms", run->began_ms);
	json_put_int(object, "ended_ms", run->ended_ms);
	(void)json_object_set(object, "result", run->result ? run->result : json_null());
	return object;
}

static const char *duration(int64_t ms)
{
	return ms > 0 ? str_duration(ms) : "";
}

static void show_runs(const RunList *list, Out *out)
{
	AUTO(table_free_auto)
	Table *table = table_new(6, (const char *const[]){_("run"), _("outcome"), _("version"),
					    _("dark"), _("read-only"), _("in all")});

	for (size_t i = 0; i < list->len; i++) {
		const Run *run = &list->items[i];
		const char *from = json_str(run->result, "from"), *to = json_str(run->result, "to");
		AUTO(free_auto)
		char *versions = from && to ? str_format("%s -> %s", from, to) : NULL;

		table_row(
			table, (const char *const[]){run->id, summary_outcome(run->outcome),
				       versions, duration(summary_users_ms(run->result, "dark_ms")),
				       duration(summary_users_ms(run->result, "read_only_ms")),
				       duration(json_int(run->result, "total_ms", -1))});
	}
	for (size_t i = 3; i < 6; i++)
		table_right(table, i);
	table_show(table, out);
}

static int all_runs(Cli *cli, Journal *journal, Err *err)
{
	AUTO(run_list_clear) RunList list = {0};
	json_t *data = NULL, *runs = NULL;

	if (journal && !journal_runs(journal, RUNS_MAX, &list, err))
		return err_exit_status(err->kind);
	if (cli->json) {
		data = json_object();
		runs = json_array();
		for (size_t i = 0; i < list.len; i++)
			(void)json_array_append_new(runs, run_json(&list.items[i]));
		(void)json_object_set_new(data, "runs", runs);
		cli_shown(cli, data, 0);
	} else if (list.len == 0) {
		out_addf(&cli->result, "%s\n", _("no runs yet"));
	} else {
		show_runs(&list, &cli->result);
	}
	return 0;
}

static const char *phase_words(Phase phase)
{
	switch (phase) {
	case PHASE_NONE:
		break;
	case PHASE_INTENT:
		return _("begun");
	case PHASE_DONE:
		return _("done");
	case PHASE_ALREADY:
		return _("was so already");
	case PHASE_UNDO_INTENT:
		return _("being undone");
	case PHASE_UNDONE:
		return _("undone");
	}
	return "";
}

static void show_run(const Run *run, const StepTime *steps, size_t len, Out *out)
{
	AUTO(free_auto) char *began = clock_readable(run->began_ms);
	AUTO(free_auto) char *times = summary_times(run->result);
	const char *error = json_str(json_object_get(run->result, "error"), "text");
	AUTO(table_free_auto)
	Table *table = table_new(3, (const char *const[]){_("step"), _("state"), _("time")});

	out_addf(out, "%s  %s\n%s%s%s\n", run->id, began, summary_outcome(run->outcome),
		*times ? ": " : "", times);
	if (error)
		out_addf(out, "%s\n", error);
	out_add(out, "\n");
	table_right(table, 2);
	for (size_t i = 0; i < len; i++)
		table_row(table, (const char *const[]){_(flow_step_title(steps[i].step)),
					 phase_words(steps[i].phase),
					 steps[i].ms >= 0 ? str_duration(steps[i].ms) : ""});
	table_show(table, out);
}

static int one_run(Cli *cli, Journal *journal, const char *id, Err *err)
{
	AUTO(run_clear) Run run = {0};
	StepTime *steps = NULL;
	size_t len = 0;
	json_t *data = NULL, *list = NULL;

	if (!journal_run(journal, id, &run, err) ||
		!journal_steps(journal, run.id, &steps, &len, err))
		return err_exit_status(err->kind);
	if (cli->json) {
		data = run_json(&run);
		list = json_array();
		for (size_t i = 0; i < len; i++) {
			json_t *step = json_object();

			json_put(step, "id", steps[i].step);
			json_put(step, "state", phase_name(steps[i].phase));
			json_put_int(step, "ms", steps[i].ms);
			(void)json_array_append_new(list, step);
		}
		(void)json_object_set_new(data, "steps", list);
		json_put(data, "run_outcome", run.outcome);
		cli_shown(cli, data, 0);
	} else {
		show_run(&run, steps, len, &cli->result);
	}
	step_times_free(steps, len);
	return 0;
}

int cmd_history(Cli *cli, Err *err)
{
	AUTO(journal_close_auto) Journal *journal = NULL;
	AUTO(free_auto) char *path = site_path(&cli->site, "journal.db");
	const char *id = args_word(cli->args, 0);

	if (!journal_open_read(path, cli->site.name, &journal, err))
		return err_exit_status(err->kind);
	if (!id)
		return all_runs(cli, journal, err);
	if (journal)
		return one_run(cli, journal, id, err);
	err_fail(err, ERR_USAGE, "there is no run '%s'", id);
	return err_exit_status(err->kind);
}
