/* cli.h - what every command gets: the parsed command line, the two outputs, the site. */
#pragma once
#include "cli/options.h"
#include "config/site.h"
#include "flows/flows.h"
#include "report/json_lines.h"
#include "report/run_folder.h"
#include "report/screen.h"
#include "report/terminal.h"

typedef struct Cli {
	const Args *args;
	bool json, quiet, yes;
	Out result, message; /* stdout, stderr */
	Screen *screen;      /* NULL with --json */
	JsonLines lines;
	RunFolder *folder; /* commands that make a run */
	Site site;         /* loaded where the command needs one */
} Cli;

/* The only result of a command that just shows something: with --json the result event (`data` is
 * stolen and gets "command", "outcome":"shown", "exit_status"), else nothing. */
void cli_shown(Cli *cli, json_t *data, int exit_status);

typedef bool (*Flow)(Site *site, const FlowWish *wish, FlowEnd *ret, Err *err);
/* Runs a flow; returns its exit status, with err saying why when it is not 0. */
int cli_flow(Cli *cli, Flow flow, const FlowWish *wish, Err *err);
/* The same for one that asks first, unless --yes was given. */
int cli_flow_asking(Cli *cli, Flow flow, FlowWish *wish, Err *err);
/* `--wheels` and `--image-file` into the site. */
bool cli_take_wheels(Cli *cli, Err *err) NODISCARD;
