#include "config/launcher_words.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define RELEASES ".releases"

/* How many words stand between the interpreter and the script; 0: no launcher. */
static size_t count_words(const StrList *argv)
{
	if (argv->len < 5 || !str_is(path_name(argv->items[1]), LAUNCHER_FILE))
		return 0;
	if (str_is(argv->items[2], "record"))
		return 3;
	return str_is(argv->items[2], "warm") && argv->len > 5 ? 4 : 0;
}

bool launcher_words_in(const StrList *argv)
{
	return count_words(argv) > 0;
}

/* ENV.releases/VERSION/bin/X -> ENV/bin/X */
static void name_by_environment(char **word)
{
	const char *releases = strstr(*word, RELEASES "/");
	const char *bin = releases ? strstr(releases, "/bin/") : NULL;
	AUTO(free_auto) char *named = NULL;

	/* Exactly one folder, the version, stands between. */
	if (!bin || strchr(releases + strlen(RELEASES "/"), '/') != bin)
		return;
	named = str_format("%.*s%s", (int)(releases - *word), *word, bin);
	str_replace(word, named);
}

void launcher_words_strip(StrList *argv)
{
	for (size_t count = count_words(argv); count > 0; count--)
		strlist_remove(argv, 1);
	for (size_t i = 0; i < argv->len && i < 2; i++)
		name_by_environment(&argv->items[i]);
}

bool launcher_is_waiting(const StrList *argv, const char *comm)
{
	return launcher_words_in(argv) && str_is(comm, LAUNCHER_WAITING);
}
