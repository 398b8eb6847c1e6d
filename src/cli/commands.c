#include "cli/commands.h"

#include "base/i18n.h"
#include "base/text.h"

static const OptionDef adopt_options[] = {
	{"print", NULL, N_("only show what was found; write nothing")},
	{"name", N_("NAME"), N_("name of the site (openwebui)")},
	{"pid", N_("PID"), N_("which server, when several run")},
	{NULL, NULL, NULL},
};
static const OptionDef status_options[] = {
	{"check", NULL, N_("exit with 5 when a run is unfinished")},
	{NULL, NULL, NULL},
};
static const OptionDef target_options[] = {
	{"wheels", N_("DIR"), N_("take packages from this folder; use no network")},
	{"image-file", N_("FILE"),
		N_("take the image from this file of `docker save`; pull nothing")},
	{NULL, NULL, NULL},
};
static const OptionDef upgrade_options[] = {
	{"plan", NULL, N_("show steps and estimates, and stop")},
	{"wheels", N_("DIR"), N_("take packages from this folder; use no network")},
	{"image-file", N_("FILE"),
		N_("take the image from this file of `docker save`; pull nothing")},
	{"skip-rehearsal", NULL, N_("do not try the release on a copy of the data first")},
	{"disconnect-others", NULL,
		N_("end sessions of others on the database, such as psql and BI tools")},
	{"accept-replication", NULL,
		N_("leave replication slots and subscriptions with the old database, which is kept")},
	{NULL, NULL, NULL},
};
static const OptionDef rollback_options[] = {
	{"plan", NULL, N_("show steps and estimates, and stop")},
	{"accept-loss", NULL,
		N_("go on although something was written since; it stays in the database that serves "
		   "now, which is kept")},
	{"disconnect-others", NULL,
		N_("end sessions of others on the database, such as psql and BI tools")},
	{NULL, NULL, NULL},
};
static const OptionDef backup_options[] = {
	{"limit-rate", N_("RATE"),
		N_("read at most so many bytes a second, such as 500k or 20M (default: the site file's)")},
	{NULL, NULL, NULL},
};
static const OptionDef restore_options[] = {
	{"plan", NULL, N_("show steps and estimates, and stop")},
	{"name", N_("NAME"), N_("name of a site made from the set; default: as it was")},
	{"disconnect-others", NULL,
		N_("end sessions of others on the database, such as psql and BI tools")},
	{NULL, NULL, NULL},
};
static const OptionDef verify_options[] = {
	{"all", NULL, N_("every set there is")},
	{"newest", NULL, N_("the newest set (also without any option)")},
	{NULL, NULL, NULL},
};
static const OptionDef prune_options[] = {
	{"plan", NULL, N_("show what would be removed, and stop")},
	{"way-back", N_("RUN"),
		N_("also give up the way back of this run: the database from before it is dropped")},
	{NULL, NULL, NULL},
};
static const OptionDef resume_options[] = {
	{"finish", NULL, N_("bring the unfinished run to its end")},
	{"undo", NULL, N_("bring back what was before it")},
	{"plan", NULL, N_("say what would be done, and stop")},
	{NULL, NULL, NULL},
};

const Command commands[] = {
	{.name = "adopt",
		.words = "",
		.summary = N_("find the running Open WebUI and describe it as a site"),
		.details = N_(
			"Finds the server, its database, container, data folder, secret key, start "
			"script and log, shows each finding with how it is known, and writes the site "
			"file. A finding can be given as an option instead."),
		.options = adopt_options,
		.site_keys = true,
		.run = cmd_adopt},
	{.name = "status",
		.words = "",
		.summary = N_("version, database, releases, last backup, unfinished run, way back"),
		.details = N_(
			"Uses no network, changes nothing, and works while a run is going on."),
		.options = status_options,
		.needs_site = true,
		.run = cmd_status},
	{.name = "check",
		.words = "[VERSION]",
		.words_max = 1,
		.summary = N_("ask everything that must be true before an upgrade"),
		.details = N_(
			"Shows all findings and changes nothing. Without VERSION only the site "
			"itself is looked at."),
		.options = target_options,
		.needs_site = true,
		.run = cmd_check},
	{.name = "notes",
		.words = "[VERSION]",
		.words_max = 1,
		.summary = N_("what is new up to a version, and its migrations"),
		.details = N_(
			"Read from the target's own package: breaking changes and migrations first, "
			"then the rest of the change log, then the real list of migrations."),
		.options = target_options,
		.needs_site = true,
		.run = cmd_notes},
	{.name = "rehearse",
		.words = "VERSION",
		.words_min = 1,
		.words_max = 1,
		.summary = N_(
			"try a version on a copy of the data, and say how long users would wait"),
		.details = N_(
			"Builds the release, makes a backup set, runs the release's migrations on a copy "
			"restored from it, starts the release once on that copy without network, and "
			"removes the copy. The site serves on, untouched."),
		.options = target_options,
		.needs_site = true,
		.makes_run = true,
		.run = cmd_rehearse},
	{.name = "upgrade",
		.words = "[VERSION]",
		.words_max = 1,
		.summary = N_("bring the site to a version, with a proven backup and a way back"),
		.details = N_(
			"VERSION is a number such as 0.8.0 or 'latest', the newest release that is "
			"not known to be bad. Shows the plan and asks once."),
		.options = upgrade_options,
		.needs_site = true,
		.makes_run = true,
		.run = cmd_upgrade},
	{.name = "rollback",
		.words = "[RUN]",
		.words_max = 1,
		.summary = N_("back to what served before the last upgrade, rollback or restore"),
		.details = N_(
			"RUN is the id of an upgrade, rollback or restore (see 'belay history'); without "
			"it the last one. Needs no network. The database that served is kept."),
		.options = rollback_options,
		.needs_site = true,
		.makes_run = true,
		.run = cmd_rollback},
	{.name = "backup",
		.words = "",
		.summary = N_("make a proven backup set while the site serves"),
		.options = backup_options,
		.needs_site = true,
		.makes_run = true,
		.run = cmd_backup},
	{.name = "backups",
		.words = "",
		.summary = N_("list the backup sets"),
		.needs_site = true,
		.run = cmd_backups},
	{.name = "verify",
		.words = "[SET]",
		.words_max = 1,
		.summary = N_("prove a backup set: restore it to a scratch database and compare"),
		.details = N_(
			"SET is a name from 'belay backups', a folder, or a dump made by hand. Reads every "
			"file again and leaves its verdict in the set. Exits with 3 and a reason for each "
			"finding."),
		.options = verify_options,
		.needs_site = true,
		.run = cmd_verify},
	{.name = "prune",
		.words = "",
		.summary = N_("remove old backup sets and releases, as the site file says"),
		.details = N_(
			"Never the last proven backup set, what a way back or an unfinished run needs, or "
			"anything that belay did not make."),
		.options = prune_options,
		.needs_site = true,
		.run = cmd_prune},
	{.name = "restore",
		.words = "SET",
		.words_min = 1,
		.words_max = 1,
		.summary = N_("bring the site back to a backup set"),
		.details = N_(
			"SET is a name from 'belay backups' or a folder. What serves now is kept "
			"until the restored site has answered. On a machine where nothing of the site is "
			"known, a folder makes the whole site: where it lay, or where the options say."),
		.options = restore_options,
		.site_keys = true,
		.needs_site = true,
		.make_site = restore_make_site,
		.makes_run = true,
		.run = cmd_restore},
	{.name = "resume",
		.words = "",
		.summary = N_("after a crash or power loss: finish or undo the unfinished run"),
		.options = resume_options,
		.needs_site = true,
		.makes_run = true,
		.run = cmd_resume},
	{.name = "history",
		.words = "[RUN]",
		.words_max = 1,
		.summary = N_("runs with their outcome and times, or the steps of one"),
		.needs_site = true,
		.run = cmd_history},
	{.name = "logs",
		.words = "[RUN]",
		.words_max = 1,
		.summary = N_("the evidence of a run (the last one)"),
		.needs_site = true,
		.run = cmd_logs},
	{.name = NULL},
};

const Command *command_find(const char *name)
{
	for (const Command *command = commands; command->name; command++) {
		if (str_is(command->name, name))
			return command;
	}
	return NULL;
}
