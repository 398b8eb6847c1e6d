#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"
#include "service/prewarm_parts.h"
#include "service/server_process.h"

#define SERVE_SCRIPT "bin/open-webui"

/* The folder is looked at as it resolves: `./venv/bin/open-webui`, a link to the environment. */
static bool is_script_of_site(const Site *site, const char *word)
{
	AUTO(site_roots_clear) SiteRoots roots = {0};
	AUTO(free_auto) char *path = NULL;
	AUTO(free_auto) char *folder = NULL;
	AUTO(free_auto) char *real = NULL;

	if (!strchr(word, '/') || !str_is(path_name(word), path_name(SERVE_SCRIPT)))
		return false;
	if (system_program(site, word))
		return true;
	path = word[0] == '/' ? str_dup(word) : path_join(site->recipe.dir, word);
	folder = path_folder(path);
	real = path_real(folder);
	site_roots_of(site, &roots);
	return real && str_is(path_name(real), "bin") && site_roots_hold(&roots, real);
}

static bool asks_for_more_processes(const StrList *argv)
{
	for (size_t i = 2; i < argv->len; i++) {
		if (str_starts(argv->items[i], "--workers") ||
			str_starts(argv->items[i], "--reload"))
			return true;
	}
	return false;
}

bool prewarm_knows_command(const Site *site)
{
	const StrList *argv = &site->recipe.argv;

	if (argv->len < 3 || !str_starts(path_name(argv->items[0]), "python") ||
		asks_for_more_processes(argv))
		return false;
	if (is_script_of_site(site, argv->items[1]))
		return str_is(argv->items[2], "serve");
	if (!str_is(argv->items[1], "-m") || argv->len < 4)
		return false;
	if (str_is(argv->items[2], "open_webui"))
		return str_is(argv->items[3], "serve");
	return str_is(argv->items[2], "uvicorn");
}

/* A server of an earlier upgrade may name its script by the release; the next one is called by ENV,
 * as start scripts do, so that they and their `pgrep -f` go on fitting. So is that of the system's.
 */
void prewarm_words(const Site *site, StrList *ret)
{
	const StrList *argv = &site->recipe.argv;
	AUTO(free_auto) char *releases = site_releases_dir(site);

	if (path_below(argv->items[1], releases) || system_program(site, argv->items[1]))
		strlist_addf(ret, "%s/" SERVE_SCRIPT, site->environment);
	else
		strlist_add(ret, argv->items[1]);
	for (size_t i = 2; i < argv->len; i++)
		strlist_add(ret, argv->items[i]);
}

/* ENV does not name this release yet. */
void prewarm_release_words(const Site *site, const Release *release, StrList *ret)
{
	const StrList *argv = &site->recipe.argv;

	if (str_is(argv->items[1], "-m"))
		strlist_add(ret, "-m");
	else
		strlist_addf(ret, "%s/" SERVE_SCRIPT, release->path);
	for (size_t i = 2; i < argv->len; i++)
		strlist_add(ret, argv->items[i]);
}

bool prewarm_record_argv(const Site *site, const Release *release, const char *launcher, int fd,
	StrList *ret, Err *err)
{
	if (!prewarm_knows_command(site))
		return err_fail(err, ERR_REFUSED,
			"the server's command has a shape that cannot be started early");
	strlist_add(ret, release->python);
	strlist_add(ret, launcher);
	strlist_add(ret, "record");
	strlist_addf(ret, "%d", fd);
	prewarm_release_words(site, release, ret);
	return true;
}
