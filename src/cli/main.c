#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/event.h"
#include "base/i18n.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/language.h"
#include "docker/engine_address.h"
#include "os/file.h"
#include "os/signals.h"
#include "release/site_container.h"

/* A closed output would give its number to the next file that is opened, the journal for one, and
 * what is meant for the screen would be written into that. */
static void fill_closed_outputs(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
	}
}

static void cli_open(Cli *cli, const Args *args)
{
	const bool colours = !args_flag(args, "no-color");

	cli->args = args;
	cli->json = args_flag(args, "json");
	cli->quiet = args_flag(args, "quiet");
	cli->yes = args_flag(args, "yes");
	out_init(&cli->result, STDOUT_FILENO, colours);
	out_init(&cli->message, STDERR_FILENO, colours);
	cli->lines.out = &cli->result;
	if (cli->json)
		event_listen(json_lines_listener(&cli->lines));
}

static void cli_close(Cli *cli)
{
	out_finish(&cli->message);
	out_finish(&cli->result);
	event_unlisten(cli->screen);
	event_unlisten(cli->folder);
	event_unlisten(&cli->lines);
	screen_free(cli->screen);
	run_folder_free(cli->folder);
	site_clear(&cli->site);
	out_clear(&cli->result);
	out_clear(&cli->message);
}

/* Where the engine does not answer, what was known before has to do; whoever needs more of it says
 * why it cannot be asked. */
static void refresh_container(Site *site)
{
	AUTO(err_clear) Err why = {0};

	if (site_in_container(site) && !site_container_refresh(site, &why))
		err_clear(&why);
}

static bool load_site(Cli *cli, Err *err)
{
	const bool colours = !args_flag(cli->args, "no-color");
	const Command *command = cli->args->command;
	bool made = false;

	if (command->make_site && !command->make_site(cli, &made, err))
		return false;
	if (!made && !site_load(args_value(cli->args, "site"), &cli->site, err))
		return false;
	engine_use(cli->site.docker_host, cli->site.docker_cert_path);
	refresh_container(&cli->site);
	language_of_site(cli->site.language);
	/* The language may have brought another character set. */
	out_init(&cli->result, STDOUT_FILENO, colours);
	out_init(&cli->message, STDERR_FILENO, colours);
	return true;
}

/* What belay is told to read must be there, also when this time nothing will be taken from it. */
static bool inputs_there(const Args *args, Err *err)
{
	const char *wheels = args_value(args, "wheels"), *overrides = args_value(args, "overrides");
	const char *image = args_value(args, "image-file");

	if (wheels && !folder_exists(wheels))
		return err_fail(err, ERR_USAGE, "--wheels: there is no folder '%s'", wheels);
	if (image && (!file_exists(image) || folder_exists(image)))
		return err_fail(err, ERR_USAGE, "--image-file: there is no file '%s'", image);
	if (overrides && (!file_exists(overrides) || folder_exists(overrides)))
		return err_fail(err, ERR_USAGE, "--overrides: there is no file '%s'", overrides);
	return true;
}

static int run_command(Cli *cli, Err *err)
{
	const Command *command = cli->args->command;

	if (!inputs_there(cli->args, err))
		return err_exit_status(err->kind);
	if (command->needs_site && !load_site(cli, err))
		return err_exit_status(err->kind);
	if (!cli->json) {
		cli->screen = screen_new(&cli->result, &cli->message, cli->quiet);
		event_listen(screen_listener(cli->screen));
	}
	if (command->makes_run) {
		cli->folder = run_folder_new(cli->site.state_dir);
		event_listen(run_folder_listener(cli->folder));
	}
	return command->run(cli, err);
}

/* With --json every command ends in a result, also one that failed before it began. */
static void tell_failure(Cli *cli, const Err *err, int status)
{
	if (cli->json && !cli->lines.had_result) {
		AUTO(json_release_auto) json_t *data = json_object();
		const Event event = {.kind = EVENT_RESULT, .ms = -1, .data = data};

		json_put(data, "command", cli->args->command ? cli->args->command->name : NULL);
		json_put(data, "outcome", err->kind == ERR_REFUSED ? "refused" : "failed");
		json_put_int(data, "exit_status", status);
		(void)json_object_set_new(data, "error", json_of_error(err));
		event_emit(&event);
	}
	screen_error(&cli->message, err);
}

static int show_help(Cli *cli)
{
	if (args_flag(cli->args, "version"))
		out_addf(&cli->result, "belay %s\n", BELAY_VERSION);
	else
		help_show(cli->args->command, &cli->result);
	return 0;
}

static int no_command(Err *err)
{
	err_fail(err, ERR_USAGE, "no command was given");
	err_hint(err, "belay --help");
	return err_exit_status(err->kind);
}

int main(int argc, char **argv)
{
	AUTO(args_clear) Args args = {0};
	AUTO(err_clear) Err err = {0};
	Cli cli = {0};
	int status = 0;
	bool parsed = false;

	fill_closed_outputs();
	signals_install();
	language_start();
	parsed = args_parse(argc, argv, &args, &err);
	cli_open(&cli, &args);
	if (!parsed)
		status = err_exit_status(err.kind);
	else if (args_flag(&args, "help") || args_flag(&args, "version"))
		status = show_help(&cli);
	else if (!args.command)
		status = no_command(&err);
	else
		status = run_command(&cli, &err);
	if (err.kind != ERR_NONE)
		tell_failure(&cli, &err, status);
	if (status == 128 + SIGINT && signals_seen() == SIGTERM)
		status = 128 + SIGTERM;
	cli_close(&cli);
	return status;
}
