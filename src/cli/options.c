#include "cli/options.h"

#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"

const OptionDef global_options[] = {
	{"site", N_("NAME|FILE"), N_("which site, when there are several")},
	{"json", NULL, N_("one JSON object a line on standard output")},
	{"yes", NULL, N_("do not ask; needed where there is no terminal")},
	{"quiet", NULL, N_("only errors and the result")},
	{"no-color", NULL, N_("no colours on a terminal")},
	{"help", NULL, N_("this text, or that of a command")},
	{"version", NULL, N_("the version of belay")},
	{NULL, NULL, NULL},
};

char *option_of_key(const SiteKey *key)
{
	char *name = str_dup(key->name);

	for (char *at = name; *at; at++) {
		if (*at == '_')
			*at = '-';
	}
	return name;
}

static const OptionDef *find_in(const OptionDef *table, const char *name)
{
	for (; table && table->name; table++) {
		if (str_is(table->name, name))
			return table;
	}
	return NULL;
}

static bool is_key_option(const char *name)
{
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(free_auto) char *option = option_of_key(key);

		if (str_is(option, name))
			return true;
	}
	return false;
}

static void add_names(StrList *names, const OptionDef *table)
{
	for (; table && table->name; table++)
		strlist_addf(names, "--%s", table->name);
}

static bool unknown_option(const Command *command, const char *word, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	const char *nearest = NULL;

	add_names(&names, global_options);
	add_names(&names, command ? command->options : NULL);
	for (const SiteKey *key = site_keys; command && command->site_keys && key->name; key++) {
		AUTO(free_auto) char *option = option_of_key(key);

		strlist_addf(&names, "--%s", option);
	}
	nearest = str_nearest(word, strlist_argv(&names));
	if (command)
		err_fail(err, ERR_USAGE, "'belay %s' has no option '%s'", command->name, word);
	else
		err_fail(err, ERR_USAGE, "there is no option '%s'", word);
	if (nearest)
		return err_hint(err, "did you mean '%s'?", nearest);
	if (command)
		return err_hint(err, "belay %s --help", command->name);
	return err_hint(err, "belay --help");
}

static bool unknown_command(const char *word, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};
	const char *nearest = NULL;

	for (const Command *command = commands; command->name; command++)
		strlist_add(&names, command->name);
	nearest = str_nearest(word, strlist_argv(&names));
	err_fail(err, ERR_USAGE, "there is no command '%s'", word);
	if (nearest)
		return err_hint(err, "did you mean '%s'?", nearest);
	return err_hint(err, "belay --help");
}

/* One option, with its value taken from after '=' or from the next word. */
static bool take_option(Args *args, char *const **at, Err *err)
{
	const char *word = **at;
	const char *name = str_is(word, "-h") ? "help" : word + 2;
	const size_t len = strcspn(name, "=");
	AUTO(free_auto) char *plain = str_dup_n(name, len);
	AUTO(free_auto) char *shown = str_dup_n(word, strcspn(word, "="));
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const Command *command = args->command;
	const OptionDef *def = find_in(global_options, plain);
	bool wants_value = false;

	if (word[1] != '-' && !str_is(word, "-h"))
		return unknown_option(command, word, err);
	if (!def && command)
		def = find_in(command->options, plain);
	if (!def && !(command && command->site_keys && is_key_option(plain)))
		return unknown_option(command, shown, err);
	wants_value = !def || def->value;
	if (!wants_value && value)
		return err_fail(err, ERR_USAGE, "option '%s' takes no value", shown);
	if (wants_value && !value) {
		value = *++*at;
		if (!value) {
			err_fail(err, ERR_USAGE, "option '%s' needs a value", shown);
			return command ? err_hint(err, "belay %s --help", command->name)
				       : err_hint(err, "belay --help");
		}
	}
	env_set(&args->given, plain, wants_value ? value : "1");
	return true;
}

static bool take_word(Args *args, const char *word, Err *err)
{
	if (!args->command) {
		args->command = command_find(word);
		return args->command ? true : unknown_command(word, err);
	}
	strlist_add(&args->words, word);
	return true;
}

static bool count_words(const Args *args, Err *err)
{
	const Command *command = args->command;

	if (!command || args_flag(args, "help") || args_flag(args, "version"))
		return true;
	if (args->words.len > command->words_max) {
		err_fail(err, ERR_USAGE, "'belay %s' does not know what to do with '%s'",
			command->name, args->words.items[command->words_max]);
		return err_hint(err, "belay %s --help", command->name);
	}
	if (args->words.len < command->words_min) {
		err_fail(err, ERR_USAGE, "'belay %s' needs %s", command->name, command->words);
		return err_hint(err, "belay %s --help", command->name);
	}
	return true;
}

/* Options of a command may stand before it, so it has to be known first: the first word that is no
 * option and not the value of a global one. */
static const Command *look_ahead(char *const *at)
{
	for (; *at && !str_is(*at, "--"); at++) {
		const OptionDef *def = str_starts(*at, "--") ? find_in(global_options, *at + 2)
							     : NULL;

		if (def && def->value && at[1])
			at++;
		else if (**at != '-' && command_find(*at))
			return command_find(*at);
	}
	return NULL;
}

bool args_parse(int argc, char *const *argv, Args *ret, Err *err)
{
	AUTO(args_clear) Args args = {0};
	char *const *at = argv + (argc > 0 ? 1 : 0);
	const Command *ahead = look_ahead(at);
	bool options = true, named = false;

	for (; *at; at++) {
		if (options && str_is(*at, "--")) {
			options = false;
		} else if (options && **at == '-' && (*at)[1]) {
			args.command = ahead;
			if (!take_option(&args, &at, err))
				return false;
		} else if (!named) {
			args.command = NULL;
			if (!take_word(&args, *at, err))
				return false;
			named = true;
		} else if (!take_word(&args, *at, err)) {
			return false;
		}
	}
	if (!named)
		args.command = NULL;
	if (!count_words(&args, err))
		return false;
	*ret = args;
	args = (Args){0};
	return true;
}

void args_clear(Args *args)
{
	strlist_clear(&args->given);
	strlist_clear(&args->words);
	*args = (Args){0};
}

bool args_flag(const Args *args, const char *name)
{
	return env_get(&args->given, name) != NULL;
}

const char *args_value(const Args *args, const char *name)
{
	return env_get(&args->given, name);
}

const char *args_word(const Args *args, size_t index)
{
	return index < args->words.len ? args->words.items[index] : NULL;
}

void args_settings(const Args *args, StrList *ret)
{
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(free_auto) char *option = option_of_key(key);
		const char *value = args_value(args, option);

		if (value)
			strlist_addf(ret, "%s=%s", key->name, value);
	}
}
