/* commands.h - the table of commands: dispatch, parsing and --help come from it. */
#pragma once
#include "cli/cli.h"

typedef struct Command {
	const char *name;
	const char *words; /* operands as --help shows them: "[VERSION]"; "" for none */
	size_t words_min, words_max;
	const char *summary;      /* N_() one line */
	const char *details;      /* N_() paragraph of --help; NULL */
	const OptionDef *options; /* ends with name == NULL; NULL: none */
	bool site_keys;           /* each key of the site file is an option */
	bool needs_site;
	/* Makes a site where none is known, if the command line says of what; NULL: never. */
	bool (*make_site)(Cli *cli, bool *ret_made, Err *err);
	bool makes_run;                 /* its events are kept in STATE/runs/ID */
	int (*run)(Cli *cli, Err *err); /* the exit status; err is shown when set */
} Command;

extern const Command commands[]; /* ends with name == NULL */
const Command *command_find(const char *name);

int cmd_adopt(Cli *cli, Err *err);
int cmd_status(Cli *cli, Err *err);
int cmd_check(Cli *cli, Err *err);
int cmd_notes(Cli *cli, Err *err);
int cmd_rehearse(Cli *cli, Err *err);
int cmd_upgrade(Cli *cli, Err *err);
int cmd_rollback(Cli *cli, Err *err);
int cmd_backup(Cli *cli, Err *err);
int cmd_backups(Cli *cli, Err *err);
int cmd_verify(Cli *cli, Err *err);
int cmd_prune(Cli *cli, Err *err);
bool restore_make_site(Cli *cli, bool *ret_made, Err *err);
int cmd_restore(Cli *cli, Err *err);
int cmd_resume(Cli *cli, Err *err);
int cmd_history(Cli *cli, Err *err);
int cmd_logs(Cli *cli, Err *err);
