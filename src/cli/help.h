/* help.h - --help of belay and of each command, from the tables, at most 80 columns wide. */
#pragma once
#include "cli/commands.h"

void help_show(const Command *command, Out *out); /* NULL: of belay itself */
