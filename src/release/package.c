#include "release/package.h"

#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/system_python.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/image.h"
#include "release/installer.h"
#include "release/known_bad.h"
#include "release/package_list.h"
#include "release/release.h"
#include "release/version.h"

#define METADATA_MAX  (4 * 1024 * 1024)
#define SCRATCH_START "/var/tmp/belay-fetch-"
#define RECORD_END    ".fetching" /* STATE/packages/.VERSION.fetching holds the path of one */
#define RECORD_MAX    256
#define SHOWN         3

static char *site_python(const Site *site)
{
	if (system_serves(site) && site->system_python)
		return str_dup(site->system_python);
	return path_join(site->environment, "bin/python");
}

bool package_resolve(const Site *site, const char *wanted, char **ret_version, Err *err)
{
	AUTO(release_clear) Release current = {0};
	AUTO(err_clear) Err ignored = {0};
	const bool sqlite = site->database.kind == DATABASE_SQLITE;
	const char *from = NULL;

	if (!str_empty(wanted) && !str_is(wanted, "latest"))
		return version_normal(wanted, ret_version, err);
	if (site_in_container(site)) {
		err_fail(err, ERR_REFUSED,
			"which version? belay cannot ask a registry of images for its newest one");
		return err_hint(err, "belay upgrade 0.8.0");
	}
	/* Without it the list of bad releases is read as for the oldest source: careful, not wrong.
	 */
	if (release_current(site, &current, &ignored))
		from = current.version;
	AUTO(free_auto) char *python = site_python(site);
	AUTO(strlist_clear) StrList versions = {0};

	if (!package_versions(site, python, from, &versions, err))
		return false;
	for (size_t i = 0; i < versions.len; i++) {
		if (known_bad_find(versions.items[i], from, sqlite))
			continue;
		*ret_version = str_dup(versions.items[i]);
		return true;
	}
	return err_fail(
		err, ERR_REFUSED, "no release of open-webui that is not known to be bad was found");
}

static void hint_versions(const Site *site, const char *python, Err *err)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList versions = {0};
	AUTO(free_auto) char *list = NULL;

	if (!package_versions(site, python, NULL, &versions, &ignored) || !versions.len)
		return;
	while (versions.len > SHOWN)
		strlist_remove(&versions, versions.len - 1);
	list = strlist_join(&versions, ", ");
	err_hint(err, "the newest versions are %s", list);
}

/* ---- fetching ---- */

/* Removes the folder that a record names, and then the record. */
static bool sweep_record(const char *record, Err *err)
{
	AUTO(free_auto) char *path = NULL;
	size_t len;

	if (!file_remove_unfinished(record, err))
		return false;
	if (file_kind(record) != FILE_REGULAR)
		return true;
	if (!file_read(record, RECORD_MAX, &path, &len, err))
		return false;
	if (str_starts(path, SCRATCH_START) && !strchr(path + strlen(SCRATCH_START), '/') &&
		!tree_remove(path, err))
		return false;
	return file_remove(record, err);
}

bool package_sweep(const Site *site, Err *err)
{
	AUTO(free_auto) char *packages = site_path(site, "packages");
	AUTO(strlist_clear) StrList names = {0};

	if (file_kind(packages) != FILE_FOLDER)
		return true;
	if (!dir_list(packages, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(packages, names.items[i]);

		if (str_ends(names.items[i], RECORD_END) && !sweep_record(path, err))
			return err_wrap(err, "removing what was fetched by half");
	}
	return tree_remove_ending(packages, ".partial", err);
}

/* The site's user may not write below STATE of root, so the installer works in a folder of that
 * user's own; what it left there is copied by descriptor, never followed. Where it lies is written
 * down before it is there. */
static bool make_scratch(const Installer *installer, const char *record, char **ret, Err *err)
{
	AUTO(free_auto) char *path = NULL;
	uint64_t dice;

	if (getrandom(&dice, sizeof(dice), 0) != (ssize_t)sizeof(dice))
		return err_fail_sys(err, "naming a folder to fetch into");
	path = str_format(SCRATCH_START "%016llx", (unsigned long long)dice);
	if (!sweep_record(record, err) || !file_write_text(record, path, 0600, err) ||
		!FAULT(err, "fetch-scratch"))
		return false;
	/* Not dir_make(): what is there already is somebody else's. */
	if (mkdir(path, 0700) != 0) {
		err_fail_sys(err, "making '%s'", path);
		unlink(record);
		return false;
	}
	if (!file_chown(path, installer->site->recipe.uid, installer->site->recipe.gid, err))
		return false;
	*ret = TAKE(path);
	return true;
}

static bool unpack(const Installer *installer, const char *version, const char *folder,
	const char *log_file, Err *err)
{
	AUTO(free_auto) char *want = str_format("open-webui==%s", version);
	AUTO(free_auto) char *python = site_python(installer->site);
	const InstallSpec spec = {
		.python = python,
		.target = folder,
		.wants = ARGV(want),
		.no_deps = true,
		.no_build = true,
	};

	return installer_install(installer, &spec, log_file, err);
}

static bool unpack_as_user(Installer *installer, const char *version, const char *partial,
	const char *log_file, Err *err)
{
	AUTO(free_auto) char *packages = path_folder(partial);
	AUTO(free_auto) char *record = str_format("%s/.%s" RECORD_END, packages, version);
	AUTO(free_auto) char *scratch = NULL;
	AUTO(err_clear) Err ignored = {0};
	bool done;

	if (!make_scratch(installer, record, &scratch, err))
		return false;
	AUTO(free_auto) char *folder = path_join(scratch, version);
	AUTO(free_auto) char *temp = path_join(scratch, "tmp");
	done = installer_use_temp(installer, temp, err) &&
	       unpack(installer, version, folder, log_file, err) &&
	       tree_mirror(folder, partial, err) && tree_chown(partial, geteuid(), getegid(), err);
	if (!sweep_record(record, &ignored))
		event_warn_err("leftover", &ignored);
	return done;
}

static bool unpack_as_belay(Installer *installer, const char *version, const char *partial,
	const char *log_file, Err *err)
{
	AUTO(free_auto) char *temp = str_format("%s.tmp.partial", partial);
	AUTO(err_clear) Err ignored = {0};
	const bool done = installer_use_temp(installer, temp, err) &&
			  unpack(installer, version, partial, log_file, err);

	if (!tree_remove(temp, &ignored))
		event_warn_err("leftover", &ignored);
	return done;
}

static bool fetch_into(
	const Site *site, const char *version, const char *partial, const char *log_file, Err *err)
{
	AUTO(free_auto) char *python = site_python(site);
	AUTO(installer_clear) Installer installer = {0};
	AUTO(err_clear) Err ignored = {0};
	bool done;

	if (!tree_remove(partial, err) || !installer_choose(site, python, &installer, err))
		return false;
	done = installer.user ? unpack_as_user(&installer, version, partial, log_file, err)
			      : unpack_as_belay(&installer, version, partial, log_file, err);
	if (!done && err->kind == ERR_REFUSED)
		hint_versions(site, python, err);
	if (!done && !tree_remove(partial, &ignored))
		event_warn_err("leftover", &ignored);
	return done || err_wrap(err, "fetching open-webui %s", version);
}

bool package_fetch(const Site *site, const char *version, char **ret_package_dir, Err *err)
{
	AUTO(free_auto) char *packages = site_path(site, "packages");
	AUTO(free_auto) char *final = path_join(packages, version);
	AUTO(free_auto) char *partial = str_format("%s/.%s.partial", packages, version);
	AUTO(free_auto) char *log_file = path_join(packages, "fetch.log");
	AUTO(free_auto) char *package = path_join(final, "open_webui");
	AUTO(free_auto) char *unpacked = path_join(partial, "open_webui");

	if (site_in_container(site))
		return image_fetch(site, version, ret_package_dir, err);
	if (file_kind(package) == FILE_FOLDER) {
		*ret_package_dir = TAKE(package);
		return true;
	}
	if (!dir_make(packages, 0700, err) || !fetch_into(site, version, partial, log_file, err))
		return false;
	if (file_kind(unpacked) != FILE_FOLDER)
		return err_fail(err, ERR_VERIFY,
			"the package open-webui %s has no folder 'open_webui'", version);
	if (!file_rename(partial, final, err))
		return false;
	*ret_package_dir = TAKE(package);
	return true;
}

static bool read_metadata(const char *package_dir, char **ret, Err *err)
{
	AUTO(free_auto) char *folder = path_folder(package_dir);
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(folder, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *dist = path_join(folder, names.items[i]);
		AUTO(free_auto) char *path = path_join(dist, "METADATA");

		if (str_starts(names.items[i], "open_webui-") && str_ends(dist, ".dist-info") &&
			file_exists(path))
			return file_read(path, METADATA_MAX, ret, NULL, err);
	}
	return err_fail(err, ERR_VERIFY, "no metadata of open-webui in '%s'", folder);
}

static char *header_value(const char *metadata, const char *name)
{
	const char *end = strstr(metadata, "\n\n"); /* what follows is the description */
	const char *at = strstr(metadata, name);

	if (!at || (end && at > end) || (at > metadata && at[-1] != '\n'))
		return NULL;
	at += strlen(name);
	at += strspn(at, " ");
	return str_dup_n(at, strcspn(at, "\r\n"));
}

/* One of ">=3.11", "<3.13.0a1", "!=3.12.*" … against "3.11". The patch level of the Python is not
 * known, so a lower bound is only asked for its first two numbers. */
static bool clause_fits(const char *clause, const char *python)
{
	const size_t op_len = strspn(clause, "<>=!~");
	AUTO(free_auto) char *op = str_dup_n(clause, op_len);
	const char *bound = clause + op_len + strspn(clause + op_len, " ");
	AUTO(free_auto) char *first_two = NULL;
	const char *dot = strchr(bound, '.');
	int order;

	dot = dot ? strchr(dot + 1, '.') : NULL;
	first_two = dot ? str_dup_n(bound, (size_t)(dot - bound)) : str_dup(bound);
	order = version_compare(python, first_two);
	if (str_is(op, ">=") || str_is(op, "~="))
		return order >= 0;
	if (str_is(op, "=="))
		return order == 0;
	if (str_is(op, "!="))
		return order != 0 || !str_ends(bound, ".*");
	order = version_compare(python, bound);
	if (str_is(op, "<"))
		return order < 0;
	if (str_is(op, "<="))
		return order <= 0;
	return !str_is(op, ">") || order > 0;
}

bool package_accepts_python(const char *package_dir, const char *python_version, bool *ret,
	char **ret_requires, Err *err)
{
	AUTO(free_auto) char *metadata = NULL;
	AUTO(free_auto) char *wanted = NULL;
	AUTO(strlist_clear) StrList clauses = {0};
	bool fits = true;

	if (!read_metadata(package_dir, &metadata, err))
		return false;
	wanted = header_value(metadata, "Requires-Python:");
	if (!wanted)
		wanted = str_dup("");
	strlist_split(&clauses, wanted, ", ");
	for (size_t i = 0; i < clauses.len; i++)
		fits = fits && clause_fits(clauses.items[i], python_version);
	*ret = fits;
	*ret_requires = TAKE(wanted);
	return true;
}
