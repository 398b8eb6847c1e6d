/* options.h - the command line, parsed against tables: the global options, those of the command,
 * and (for adopt) one for each key of the site file. The same tables give --help. */
#pragma once
#include "base/error.h"
#include "base/list.h"
#include "config/keys.h"

typedef struct OptionDef {
	const char *name;  /* without the dashes */
	const char *value; /* N_() placeholder such as "DIR"; NULL: a flag */
	const char *help;  /* N_() one sentence */
} OptionDef;

extern const OptionDef global_options[]; /* ends with name == NULL */

struct Command;
typedef struct Args {
	const struct Command *command; /* NULL: none was given */
	StrList given;                 /* "name=value", flags as "name=1" */
	StrList words;                 /* operands */
} Args;

/* argv[0] is the program. Options may stand anywhere; "--" ends them. ERR_USAGE with the nearest
 * name in the hint. With --help or --version operands are not counted. */
bool args_parse(int argc, char *const *argv, Args *ret, Err *err) NODISCARD;
void args_clear(Args *args);
bool args_flag(const Args *args, const char *name);
const char *args_value(const Args *args, const char *name); /* NULL: not given */
const char *args_word(const Args *args, size_t index);      /* likewise */

/* The option of adopt for a key of the site file: '_' becomes '-'. Caller frees. */
/* Every site key that was given as an option, as "key=value". */
void args_settings(const Args *args, StrList *ret);
char *option_of_key(const SiteKey *key);
