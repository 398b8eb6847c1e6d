#include "release/package_list.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "release/installer.h"
#include "release/known_bad.h"
#include "release/version.h"

/* Questions to uv: each costs one look into its cached index. */
#define MAX_QUESTIONS 12
#define ENOUGH        3

static int newest_first(const void *a, const void *b)
{
	return version_compare(*(char *const *)b, *(char *const *)a);
}

static void add_version(StrList *list, const char *text)
{
	AUTO(free_auto) char *version = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (version_normal(text, &version, &ignored) && !version_is_prerelease(version) &&
		!strlist_has(list, version))
		strlist_add(list, version);
}

char *package_wheel_version(const char *file_name)
{
	static const char prefix[] = "open_webui-";
	const char *version = file_name + strlen(prefix);

	if (!str_starts(file_name, prefix) || !str_ends(file_name, ".whl"))
		return NULL;
	return str_dup_n(version, strcspn(version, "-"));
}

static bool from_folder(const char *wheels, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(wheels, &names, err))
		return err_wrap(err, "looking for wheels");
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *version = package_wheel_version(names.items[i]);

		if (version)
			add_version(ret, version);
	}
	if (ret->len)
		return true;
	err_fail(err, ERR_REFUSED, "no wheel of open-webui in '%s'", wheels);
	return err_hint(
		err, "pip download --dest %s 'open-webui[all]' on a machine with network", wheels);
}

bool package_versions_of_pip(const char *said, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList versions = {0};
	const char *list = strstr(said, "Available versions:");

	if (!list)
		return err_fail(err, ERR_EXEC, "pip did not list the versions of open-webui");
	list += strlen("Available versions:");
	AUTO(free_auto) char *line = str_dup_n(list, strcspn(list, "\r\n"));
	strlist_split(&versions, line, ", ");
	for (size_t i = 0; i < versions.len; i++)
		add_version(ret, versions.items[i]);
	return true;
}

static bool from_pip(const Installer *installer, StrList *ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *out = NULL;

	strlist_add_array(
		&argv, ARGV(installer->program, "-m", "pip", "index", "versions", "open-webui"));
	return installer_ask(installer, &argv, NULL, &out, err) &&
	       package_versions_of_pip(out, ret, err);
}

bool package_version_of_uv(const char *said, char **ret, Err *err)
{
	const char *found = strstr(said, "open-webui==");

	if (!found)
		return err_fail(err, ERR_EXEC, "uv did not name a version of open-webui");
	found += strlen("open-webui==");
	*ret = str_dup_n(found, strcspn(found, " ;\r\n"));
	return true;
}

/* uv has no question for all versions; its resolver names the newest that a bound leaves. */
static bool ask_uv(
	const Installer *installer, const char *python, const char *below, char **ret, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto)
	char *input = below ? str_format("open-webui<%s\n", below) : str_dup("open-webui\n");
	AUTO(free_auto) char *out = NULL;

	strlist_add_array(&argv, ARGV(installer->program, "pip", "compile", "-", "--no-deps",
					 "--no-header", "--no-annotate", "--quiet"));
	if (file_exists(python))
		strlist_add_array(&argv, ARGV("--python", python));
	return installer_ask(installer, &argv, input, &out, err) &&
	       package_version_of_uv(out, ret, err);
}

static bool from_uv(
	const Installer *installer, const char *python, const char *from, StrList *ret, Err *err)
{
	const bool sqlite = installer->site->database.kind == DATABASE_SQLITE;
	bool good = false;

	for (int i = 0; i < MAX_QUESTIONS && (ret->len < ENOUGH || !good); i++) {
		AUTO(free_auto) char *version = NULL;
		const char *below = ret->len ? ret->items[ret->len - 1] : NULL;
		const size_t before = ret->len;

		if (!ask_uv(installer, python, below, &version, err)) {
			if (!before)
				return false;
			err_clear(err); /* the oldest one was reached */
			break;
		}
		add_version(ret, version);
		if (ret->len == before)
			break;
		good = good || !known_bad_find(version, from, sqlite);
	}
	return true;
}

bool package_versions(
	const Site *site, const char *python, const char *from, StrList *ret, Err *err)
{
	AUTO(installer_clear) Installer installer = {0};
	bool done;

	if (site->wheels) {
		done = from_folder(site->wheels, ret, err);
	} else {
		if (!installer_choose(site, python, &installer, err))
			return false;
		done = installer.kind == INSTALLER_UV ? from_uv(&installer, python, from, ret, err)
						      : from_pip(&installer, ret, err);
	}
	if (done && ret->len)
		qsort(ret->items, ret->len, sizeof(*ret->items), newest_first);
	return done || err_wrap(err, "looking for the versions of open-webui");
}
