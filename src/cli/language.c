#include "cli/language.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

/* Beside the program (unpacked archive), in the tree it was built in, else where it is installed.
 */
static char *catalogue_folder(void)
{
	static const char *const beside[] = {"po", "../po", "../../po"};
	AUTO(free_auto) char *program = path_real("/proc/self/exe");
	AUTO(free_auto) char *folder = program ? path_folder(program) : NULL;

	for (size_t i = 0; folder && i < COUNT_OF(beside); i++) {
		AUTO(free_auto) char *place = path_join(folder, beside[i]);
		AUTO(free_auto) char *korean = path_join(place, "ko/LC_MESSAGES/belay.mo");

		if (file_exists(korean))
			return TAKE(place);
	}
	return str_dup(BELAY_LOCALEDIR);
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return str_empty(value) ? NULL : value;
}

static bool is_plain(const char *locale)
{
	return str_is(locale, "C") || str_is(locale, "POSIX");
}

const char *language_wish(void)
{
	static char code[3];
	const char *all = setting("LC_ALL"), *messages = setting("LC_MESSAGES");
	const char *locale = all ? all : messages ? messages : setting("LANG");

	if (is_plain(all) || (!all && is_plain(messages)))
		return "en"; /* the usual way to ask for untranslated output */
	if (setting("LANGUAGE"))
		locale = setting("LANGUAGE");
	else if (!locale || is_plain(locale) || str_starts(locale, "C."))
		return NULL;
	memcpy(code, locale, strnlen(locale, 2));
	return code;
}

static void use(const char *language)
{
	/* glibc looks at LANGUAGE only when the locale is another one than "C". */
	if (is_plain(setlocale(LC_MESSAGES, NULL)) || !str_is(nl_langinfo(CODESET), "UTF-8"))
		(void)setlocale(LC_ALL, "C.UTF-8");
	(void)setlocale(LC_NUMERIC, "C");
	setenv("LANGUAGE", language, 1);
}

void language_start(void)
{
	AUTO(free_auto) char *folder = catalogue_folder();
	const char *wish = language_wish();

	/* A locale that is asked for and not generated leaves "C", in which nothing but ASCII
	 * shows. */
	if (!setlocale(LC_ALL, ""))
		(void)setlocale(LC_ALL, "C.UTF-8");
	(void)setlocale(LC_NUMERIC, "C");
	bindtextdomain("belay", folder);
	textdomain("belay");
	if (str_is(wish, "ko"))
		use("ko");
	else if (str_is(wish, "en"))
		setenv("LANGUAGE", "en", 1);
}

void language_of_site(const char *language)
{
	if (language && !language_wish())
		use(language);
}
