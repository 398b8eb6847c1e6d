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

/* ENV of ENV.releases/.prewarm/LAUNCHER; NULL when it lies elsewhere. */
static char *environment_of_launcher(const char *launcher)
{
	AUTO(free_auto) char *folder = path_folder(launcher);
	AUTO(free_auto) char *releases = path_folder(folder);
	const size_t len = strlen(releases);

	if (len <= strlen(RELEASES) || !str_ends(releases, RELEASES))
		return NULL;
	return str_dup_n(releases, len - strlen(RELEASES));
}

/* ENV.releases/VERSION/bin/python -> ENV/bin/python */
static void name_by_environment(char **word, const char *environment)
{
	AUTO(free_auto) char *releases = str_format("%s" RELEASES, environment);
	const char *below, *in_release;

	if (!path_below(*word, releases) || str_is(*word, releases))
		return;
	below = *word + strlen(releases) + 1;
	in_release = strchr(below, '/');
	if (in_release) {
		AUTO(free_auto) char *named = str_format("%s%s", environment, in_release);

		str_replace(word, named);
	}
}

void launcher_words_strip(StrList *argv)
{
	const size_t count = count_words(argv);
	AUTO(free_auto) char *environment = NULL;

	if (!count)
		return;
	environment = environment_of_launcher(argv->items[1]);
	for (size_t i = 0; i < count; i++)
		strlist_remove(argv, 1);
	if (environment) {
		name_by_environment(&argv->items[0], environment);
		name_by_environment(&argv->items[1], environment);
	}
}

bool launcher_is_waiting(const StrList *argv, const char *comm)
{
	return launcher_words_in(argv) && str_is(comm, LAUNCHER_WAITING);
}
