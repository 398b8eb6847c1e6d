#include "cli/help.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "report/columns.h"

enum { WIDTH = 80, NAMES = 26 };

/* "  --name VALUE        help", on two lines where the name is long. */
static void entry(Out *out, const char *name, const char *help)
{
	AUTO(text_clear) Text text = TEXT_INIT(16384);

	text_add(&text, "  ");
	if (columns_of(name) > NAMES - 4)
		text_addf(&text, "%s\n%*s", name, NAMES, "");
	else
		columns_pad(&text, name, NAMES - 2);
	columns_wrap(&text, help, NAMES, WIDTH);
	out_add(out, text.data);
}

static void paragraph(Out *out, const char *words)
{
	AUTO(text_clear) Text text = TEXT_INIT(16384);

	columns_wrap(&text, words, 0, WIDTH);
	out_addf(out, "\n%s", text.data);
}

static void option_entries(Out *out, const OptionDef *options)
{
	for (; options && options->name; options++) {
		AUTO(free_auto)
		char *name = str_format("--%s%s%s", options->name, options->value ? " " : "",
			options->value ? _(options->value) : "");

		entry(out, name, _(options->help));
	}
}

static const char *placeholder(const SiteKey *key)
{
	switch (key->type) {
	case KEY_TEXT:
		return _("TEXT");
	case KEY_PATH:
		return _("PATH");
	case KEY_PORT:
		return _("PORT");
	case KEY_COUNT:
		return _("COUNT");
	case KEY_RATE:
		return _("RATE");
	case KEY_SECONDS:
		return _("SECONDS");
	case KEY_FLAG:
		return _("yes|no");
	case KEY_INDEX:
	case KEY_CHOICE:
		break;
	}
	return _("CHOICE");
}

static void key_entries(Out *out)
{
	out_addf(out, "\n%s\n", _("Keys of the site file as options:"));
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(free_auto) char *option = option_of_key(key);
		AUTO(free_auto) char *name = str_format("--%s %s", option, placeholder(key));
		AUTO(free_auto)
		char *help = str_format("%s%s%s%s", _(key->help), key->choices ? " (" : "",
			key->choices ? key->choices : "", key->choices ? ")" : "");

		entry(out, name, help);
	}
}

static void exit_statuses(Out *out)
{
	static const char *const meanings[][2] = {
		{"0", N_("done, or nothing to do")},
		{"1", N_("failed, the site was not touched")},
		{"2", N_("wrong usage or configuration")},
		{"3", N_("refused by a check; the site was not touched")},
		{"4", N_("failed and undone: what served before serves again")},
		{"5", N_("needs a person, or a run is unfinished: belay resume")},
		{"6", N_("another run holds this site")},
		{"130, 143", N_("ended by INT or TERM, undone")},
	};

	out_addf(out, "\n%s\n", _("Exit status:"));
	for (size_t i = 0; i < COUNT_OF(meanings); i++) {
		AUTO(text_clear) Text text = TEXT_INIT(4096);

		text_addf(&text, "  %-10s", meanings[i][0]);
		columns_wrap(&text, _(meanings[i][1]), 12, WIDTH);
		out_add(out, text.data);
	}
}

static void help_all(Out *out)
{
	out_addf(out, "%s\n", _("belay - upgrade an Open WebUI server without fear"));
	out_addf(out, "\n%s belay [OPTION ...] COMMAND [ARGUMENT ...]\n", _("Usage:"));
	out_addf(out, "\n%s\n", _("Commands:"));
	for (const Command *command = commands; command->name; command++) {
		AUTO(free_auto)
		char *name = str_format(
			"%s%s%s", command->name, *command->words ? " " : "", command->words);

		entry(out, name, _(command->summary));
	}
	out_addf(out, "\n%s\n", _("Options (anywhere on the line):"));
	option_entries(out, global_options);
	exit_statuses(out);
	paragraph(out, _("'belay COMMAND --help' tells more about a command."));
}

static void help_command(const Command *command, Out *out)
{
	out_addf(out, "%s belay %s%s%s%s\n", _("Usage:"), command->name,
		command->options || command->site_keys ? " [OPTION ...]" : "",
		*command->words ? " " : "", command->words);
	paragraph(out, _(command->summary));
	if (command->details)
		paragraph(out, _(command->details));
	if (command->options) {
		out_addf(out, "\n%s\n", _("Options:"));
		option_entries(out, command->options);
	}
	if (command->site_keys)
		key_entries(out);
	out_addf(out, "\n%s\n", _("Options of every command:"));
	option_entries(out, global_options);
}

void help_show(const Command *command, Out *out)
{
	if (command)
		help_command(command, out);
	else
		help_all(out);
}
