#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/status.h"
#include "report/table.h"

static void row(Table *table, const char *label, const char *value)
{
	table_row(table, (const char *const[]){label, value});
}

/* "unknown: <why>" where a part could not be asked. */
static bool row_error(Table *table, const char *label, const json_t *status, const char *part)
{
	const char *why = json_str(json_object_get(status, "errors_local"), part);
	AUTO(free_auto) char *value = why ? str_format(_("unknown: %s"), why) : NULL;

	if (why)
		row(table, label, value);
	return why != NULL;
}

static void row_server(Table *table, const json_t *status)
{
	const json_t *server = json_object_get(status, "server");
	const char *version = json_str(server, "version"), *stranger = json_str(server, "stranger");
	AUTO(free_auto) char *running = NULL;

	if (row_error(table, _("running"), status, "server"))
		return;
	if (json_flag(server, "running", false))
		running = str_format(_("%s, process %lld, port %lld"),
			version ? version : _("version unknown"),
			(long long)json_int(server, "pid", 0),
			(long long)json_int(server, "port", 0));
	else if (stranger)
		running = str_format(_("no; port %lld belongs to %s"),
			(long long)json_int(server, "port", 0), stranger);
	row(table, _("running"), running ? running : _("no"));
	row(table, _("service"), json_str(server, "service_local"));
}

static void row_database(Table *table, const json_t *status)
{
	const json_t *database = json_object_get(status, "database");
	const char *revision = json_str(database, "revision");
	AUTO(free_auto) char *value = NULL;

	if (row_error(table, _("database"), status, "database"))
		return;
	value = str_format("%s, %s, %s", json_str(database, "server"), json_str(database, "name"),
		str_bytes((unsigned long long)json_int(database, "bytes", 0)));
	row(table, _("database"), value);
	row(table, _("revision"), revision ? revision : _("none"));
}

static void row_releases(Table *table, const json_t *status)
{
	const json_t *release = NULL;
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *joined = NULL;
	size_t i = 0;

	(void)row_error(table, _("installed"), status, "installed");
	if (row_error(table, _("releases"), status, "releases"))
		return;
	json_array_foreach(json_object_get(status, "releases"), i, release)
	{
		strlist_addf(&names, "%s%s", json_str(release, "version"),
			json_flag(release, "current", false) ? " *" : "");
	}
	joined = strlist_join(&names, ", ");
	row(table, _("releases"), names.len > 0 ? joined : _("none"));
}

static void row_unproven(Table *table, const json_t *backup)
{
	const char *finding = json_string_value(
		json_array_get(json_object_get(backup, "findings"), 0));
	AUTO(free_auto) char *value = NULL;

	if (!json_str(backup, "name"))
		return;
	value = finding ? str_format(_("%s, made %s ago, not proven: %s"), json_str(backup, "name"),
				  str_duration(json_int(backup, "age_ms", 0)), finding)
			: str_format(_("%s, made %s ago, not proven yet"), json_str(backup, "name"),
				  str_duration(json_int(backup, "age_ms", 0)));
	row(table, _("newest backup"), value);
}

static void row_backup(Table *table, const json_t *status)
{
	const json_t *backup = json_object_get(status, "backup");
	AUTO(free_auto) char *value = NULL;

	if (row_error(table, _("proven backup"), status, "backup"))
		return;
	if (json_str(backup, "name"))
		value = str_format(_("%s, made %s ago, proven %s ago"), json_str(backup, "name"),
			str_duration(json_int(backup, "age_ms", 0)),
			str_duration(clock_wall_ms() - json_int(backup, "proven_ms", 0)));
	row(table, _("proven backup"), value ? value : _("none"));
	row_unproven(table, json_object_get(status, "unproven_backup"));
}

/* What users can do while a run goes on. Before it took anything from them nothing is written. */
static void row_users(Table *table, const json_t *unfinished)
{
	const json_t *users = json_object_get(unfinished, "users");
	const char *can = json_str(users, "can");
	const int64_t predicted = json_int(users, "predicted_ms", -1);
	const int64_t since = clock_wall_ms() - json_int(users, "since_ms", clock_wall_ms());
	const char *what = str_is(can, "read")   ? _("read; saving is refused")
			   : str_is(can, "wait") ? _("wait")
						 : _("work");
	AUTO(free_auto) char *value = NULL;

	if (can && !str_is(can, "work"))
		value = predicted >= 0 ? str_format(_("%s: for %s of about %s"), what,
						 str_duration(since), str_duration(predicted))
				       : str_format(_("%s: for %s"), what, str_duration(since));
	row(table, _("users"), value ? value : what);
}

static void row_runs(Table *table, const json_t *status)
{
	const json_t *unfinished = json_object_get(status, "unfinished");
	const json_t *way_back = json_object_get(status, "way_back");
	const char *holder = json_str(status, "holder"), *step = json_str(unfinished, "step");
	const char *back = json_str(way_back, "version"), *run = json_str(unfinished, "run");
	const int64_t began = json_int(unfinished, "began_ms", clock_wall_ms());
	AUTO(free_auto) char *at = NULL;
	AUTO(free_auto) char *way = NULL;

	if (run && step)
		at = str_format(_("%s, for %s, at step %s"), run,
			str_duration(clock_wall_ms() - began), _(flow_step_title(step)));
	if (holder)
		row(table, _("going on"), holder);
	(void)row_error(table, _("journal"), status, "journal");
	if (run)
		row(table, holder ? _("run") : _("unfinished run"), at ? at : run);
	if (run && holder)
		row_users(table, unfinished);
	if (row_error(table, _("way back"), status, "way_back"))
		return;
	if (back)
		way = str_format(_("%s, database %s, run %s"), back, json_str(way_back, "database"),
			json_str(way_back, "run"));
	row(table, _("way back"), way ? way : _("none"));
}

static void show(const json_t *status, Out *out)
{
	AUTO(table_free_auto) Table *table = table_new(2, NULL);

	row(table, _("site"), json_str(status, "site"));
	row_server(table, status);
	row_releases(table, status);
	row_database(table, status);
	row_backup(table, status);
	row_runs(table, status);
	table_show(table, out);
}

int cmd_status(Cli *cli, Err *err)
{
	AUTO(json_release_auto) json_t *status = status_read(&cli->site);
	const char *run = json_str(json_object_get(status, "unfinished"), "run");
	const bool unfinished = run && !json_str(status, "holder");
	/* Of a journal that is refused nobody knows whether a run is unfinished. */
	const bool untold = json_object_get(json_object_get(status, "errors"), "journal") != NULL;
	const int result = args_flag(cli->args, "check") && (unfinished || untold)
				   ? err_exit_status(ERR_PERSON)
				   : 0;

	if (!cli->json)
		show(status, &cli->result);
	if (!cli->json && unfinished)
		out_addf(&cli->message, _("run '%s' is unfinished: belay resume\n"), run);
	(void)json_object_del(status, "errors_local");
	(void)json_object_del(json_object_get(status, "server"), "service_local");
	cli_shown(cli, json_incref(status), result);
	(void)err;
	return result;
}
