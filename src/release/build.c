#include "release/build.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/process_table.h"
#include "os/tree.h"
#include "release/data_home.h"
#include "release/image.h"
#include "release/installer.h"
#include "release/inventory.h"
#include "release/marker.h"
#include "release/python.h"

#define TERM_MS             1000
#define STEP                "build-release"
#define OVERRIDES_MAX_BYTES (1024 * 1024)
#define DOTENV_MAX_BYTES    (1024 * 1024)

typedef struct Build {
	const Site *site;
	const Release *current;
	const char *version;
	const char *log_file;
	const StrList *packages; /* instead of those of `current`; NULL: those */
	char *path;
	char *python;
	char *requirement;               /* open-webui[EXTRAS]==VERSION */
	char overrides[SHA256_HEX_SIZE]; /* "" without */
	Installer installer;
	Inventory inventory; /* of the current release */
} Build;

static void build_clear(Build *build)
{
	free(build->path);
	free(build->python);
	free(build->requirement);
	installer_clear(&build->installer);
	inventory_clear(&build->inventory);
}

/* Nothing is installed yet: `current` is no more than an interpreter. */
static bool is_first(const Build *build)
{
	return build->packages != NULL;
}

static bool digest_overrides(Build *build, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	size_t len;

	if (str_empty(build->site->overrides))
		return true;
	if (!file_read(build->site->overrides, OVERRIDES_MAX_BYTES, &text, &len, err))
		return err_wrap(err, "reading 'overrides'");
	sha256_of(text, len, build->overrides);
	return true;
}

static bool build_init(Build *build, Err *err)
{
	const char *extras = build->site->extras;
	AUTO(free_auto) char *releases = NULL;

	if (!releases_dir_make(build->site, &releases, err))
		return false;
	build->path = path_join(releases, build->version);
	build->python = path_join(build->path, "bin/python");
	if (str_empty(extras))
		build->requirement = str_format("open-webui==%s", build->version);
	else
		build->requirement = str_format("open-webui[%s]==%s", extras, build->version);
	return digest_overrides(build, err);
}

static bool is_current(const Build *build)
{
	AUTO(free_auto) char *now = path_real(build->site->environment);
	AUTO(free_auto) char *real = path_real(build->path);

	return now && real && str_is(now, real);
}

static bool marker_fits(const Build *build, const json_t *marker)
{
	const char *extras = json_str(marker, "extras");
	const char *overrides = json_str(marker, "overrides");

	return str_is(extras ? extras : "", build->site->extras ? build->site->extras : "") &&
	       str_is(overrides ? overrides : "", build->overrides);
}

/* A finished release of ours that was made with other extras. The sign comes first and the marker
 * goes first, so that a crash leaves what the next build recognises as a leftover. */
static bool discard(const Build *build, Err *err)
{
	AUTO(free_auto) char *marker = path_join(build->path, RELEASE_MARKER);

	if (is_current(build))
		return err_fail(
			err, ERR_REFUSED, "'%s' is in use and cannot be built again", build->path);
	return marker_begin(build->path, err) && file_remove(marker, err) &&
	       marker_sweep(build->path, err);
}

/* The installer dies with belay, those whom it had started do not: a worker that compiles byte code
 * makes folders anew that were just removed. Nothing is served from an unfinished release. */
static bool works_in(const char *release_path, const Process *process)
{
	return process->argv.len && path_below(process->argv.items[0], release_path);
}

static bool sweep_unfinished(const char *path, Err *err)
{
	if (marker_is_building(path) && !process_end_all(works_in, path, TERM_MS, err))
		return err_wrap(err, "ending an unfinished build");
	return marker_sweep(path, err);
}

/* *ret_ready: the folder holds what was asked for. Otherwise there is nothing at that path any
 * more. */
static bool look_at_existing(const Build *build, Release *ret, bool *ret_ready, Err *err)
{
	AUTO(json_release_auto) json_t *marker = NULL;
	AUTO(release_clear) Release found = {0};
	AUTO(err_clear) Err broken = {0};

	*ret_ready = false;
	if (!sweep_unfinished(build->path, err))
		return false;
	if (file_kind(build->path) == FILE_ABSENT)
		return true;
	if (!marker_read(build->path, &marker, err))
		return false;
	if (!release_at(build->path, &found, &broken) || !str_is(found.version, build->version)) {
		if (marker)
			return discard(build, err);
		err_fail(err, ERR_REFUSED, "'%s' is in the way: it is no release that belay made",
			build->path);
		return err_hint(err, "mv '%s' '%s.aside'", build->path, build->path);
	}
	/* Without a marker it is the environment from before the first upgrade: kept whole. */
	if (marker && !marker_fits(build, marker))
		return discard(build, err);
	*ret = found;
	memset(&found, 0, sizeof(found));
	*ret_ready = true;
	return true;
}

static bool make_venv(Build *build, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};

	if (!build->inventory.venv && !build->current->system)
		return err_fail(err, ERR_REFUSED,
			"'%s' is no virtual environment: belay does not change a system Python",
			build->current->path);
	if (!python_base_usable(build->site, build->inventory.base_python, err))
		return false;
	installer_venv_argv(&build->installer, build->inventory.base_python, build->path, &argv);
	if (!installer_run(&build->installer, &argv, build->log_file, NULL, err))
		return err_wrap(err, "making the environment '%s'", build->path);
	return true;
}

/* An environment that root owns and another user runs: uv and pip run as that user, and cannot make
 * the folder beside it. */
static bool give_folder(const Build *build, Err *err)
{
	const struct passwd *user = build->installer.user ? getpwnam(build->installer.user) : NULL;
	AUTO(free_auto) char *releases = path_folder(build->path);
	struct stat owner;

	if (!user || stat(releases, &owner) != 0 || owner.st_uid == user->pw_uid)
		return true;
	return dir_make(build->path, 0755, err) &&
	       file_chown(build->path, user->pw_uid, user->pw_gid, err);
}

/* A clone has everything, also what is not of the packages: the marker of the release it was cloned
 * from, which would vouch for a build that is not finished, and data that nobody moved out yet. */
static bool clean_clone(const Build *build, Err *err)
{
	AUTO(free_auto) char *marker = path_join(build->path, RELEASE_MARKER);
	AUTO(free_auto) char *data = NULL;
	AUTO(release_clear) Release clone = {0};
	DataHome home;

	if (!file_remove(marker, err) || !release_at(build->path, &clone, err) ||
		!data_home_state(build->site, &clone, &home, err))
		return false;
	data = path_join(clone.package_dir, "data");
	return home != DATA_INSIDE || tree_remove(data, err);
}

static bool make_environment(Build *build, Err *err)
{
	const bool conda = build->current->conda;
	AUTO(free_auto) char *temp = marker_temp(build->path);

	event_progress(STEP, 0, 0, "making the environment '%s'", build->path);
	if (!marker_begin(build->path, err) || !give_folder(build, err) ||
		!installer_use_temp(&build->installer, temp, err))
		return false;
	if (conda && (!python_clone_conda(&build->installer, build->current, build->path,
			      build->log_file, err) ||
			     !clean_clone(build, err)))
		return err_wrap(err, "making the environment '%s'", build->path);
	if (!conda && !make_venv(build, err))
		return false;
	installer_use_python(&build->installer, build->python);
	return true;
}

static bool install(Build *build, const StrList *wants, Err *err)
{
	const InstallSpec want = {.python = build->python, .wants = strlist_argv(wants)};

	return installer_install(&build->installer, &want, build->log_file, err);
}

static bool install_webui(Build *build, Err *err)
{
	AUTO(strlist_clear) StrList wants = {0};

	event_progress(STEP, 0, 0, "installing '%s'", build->requirement);
	strlist_add(&wants, build->requirement);
	if (!install(build, &wants, err))
		return err_wrap(err, "installing '%s'", build->requirement);
	return true;
}

static char *package_name(const char *frozen)
{
	return str_dup_n(frozen, strcspn(frozen, " ="));
}

/* A system's pip belongs to the operating system and lies elsewhere. */
static bool had_pip(Build *build)
{
	AUTO(free_auto) char *file = path_join(build->current->site_packages, "pip/__init__.py");
	AUTO(err_clear) Err ignored = {0};
	bool has = false;

	if (!build->current->system)
		return file_exists(file);
	return python_imports(&build->installer, build->current->python, "pip", &has, &ignored) &&
	       has;
}

/* uv makes environments without pip, which Open WebUI calls to install what functions ask for. */
static void carry_pip(Build *build, const Release *made)
{
	AUTO(free_auto) char *now = path_join(made->site_packages, "pip/__init__.py");

	if (had_pip(build) && !file_exists(now) &&
		!python_ensure_pip(&build->installer, build->python, build->log_file))
		strlist_add(&build->inventory.extra, "pip");
}

/* Open WebUI itself is in the list, so that its own pins win over those of the extra packages. */
static bool install_beside(Build *build, bool pinned, Err *err)
{
	const StrList *extra = &build->inventory.extra;
	AUTO(strlist_clear) StrList wants = {0};

	strlist_add(&wants, build->requirement);
	for (size_t i = 0; i < extra->len; i++) {
		AUTO(free_auto) char *name = package_name(extra->items[i]);

		strlist_add(&wants, pinned ? extra->items[i] : name);
	}
	return wants.len == 1 || install(build, &wants, err);
}

static bool has_package(const StrList *frozen, const char *name)
{
	for (size_t i = 0; i < frozen->len; i++) {
		AUTO(free_auto) char *other = package_name(frozen->items[i]);

		if (strcasecmp(other, name) == 0)
			return true;
	}
	return false;
}

/* What the new version brings by itself comes in the version that it wants. */
static bool leave_out_what_came(Build *build, Err *err)
{
	StrList *extra = &build->inventory.extra;
	AUTO(release_clear) Release made = {0};
	AUTO(inventory_clear) Inventory came = {0};

	if (!release_at(build->path, &made, err) || !inventory_read(&made, NULL, &came, err))
		return false;
	for (size_t i = extra->len; i-- > 0;) {
		AUTO(free_auto) char *name = package_name(extra->items[i]);

		if (has_package(&came.freeze, name))
			strlist_remove(extra, i);
	}
	carry_pip(build, &made);
	return true;
}

/* First the very versions, then any: a function that needs a package is better off with a newer one
 * than with none. Neither is a reason not to upgrade, but both are worth saying. */
static bool carry_packages(Build *build, Err *err)
{
	AUTO(free_auto) char *names = NULL;
	AUTO(err_clear) Err pinned = {0};
	AUTO(err_clear) Err any = {0};

	if (!leave_out_what_came(build, err))
		return false;
	names = strlist_join(&build->inventory.extra, ", ");
	if (!str_empty(names))
		event_progress(STEP, 0, 0, "carrying over: %s", names);
	if (install_beside(build, true, &pinned))
		return true;
	if (pinned.kind != ERR_INTERRUPTED && install_beside(build, false, &any)) {
		event_notice("packages-other-versions", true,
			"carried over, but not in the same versions: %s", names);
		return true;
	}
	if (pinned.kind == ERR_INTERRUPTED || any.kind == ERR_INTERRUPTED) {
		err_move(err, pinned.kind == ERR_INTERRUPTED ? &pinned : &any);
		return false;
	}
	event_notice("packages-left-behind", true,
		"these packages of the old release could not be installed: %s (%s)", names,
		pinned.text);
	return true;
}

/* Looked up, not loaded: Python leaves the user site out when it is told to look at nothing else.
 */
static bool system_has(const Release *system, const char *module)
{
	AUTO(free_auto) char *folder = path_join(system->site_packages, module);

	return file_exists(folder);
}

/* Asked of both: a site that connects through another driver does not need this one. */
static bool check_driver(Build *build, Err *err)
{
	bool before, now;

	if (build->site->database.kind != DATABASE_POSTGRES || is_first(build))
		return true;
	if (!python_imports(&build->installer, build->python, "psycopg2", &now, err))
		return false;
	if (now)
		return true;
	if (build->current->system)
		before = system_has(build->current, "psycopg2");
	else if (!python_imports(
			 &build->installer, build->current->python, "psycopg2", &before, err))
		return false;
	if (!before)
		return true;
	err_fail(err, ERR_REFUSED,
		"the PostgreSQL driver 'psycopg2' cannot be loaded in the new release");
	return err_hint(err, "set 'extras = postgres' in '%s'", build->site->file);
}

/* Open WebUI reads .env two levels above its package. It holds secrets: 0600, the user's own. */
static bool carry_dotenv(const Build *build, const Release *made, Err *err)
{
	AUTO(free_auto) char *old_lib = path_folder(build->current->site_packages);
	AUTO(free_auto) char *new_lib = path_folder(made->site_packages);
	AUTO(free_auto) char *from = path_join(old_lib, ".env");
	AUTO(free_auto) char *to = path_join(new_lib, ".env");
	struct stat now;

	if (is_first(build) || stat(from, &now) != 0)
		return true;
	if (!file_copy(from, to, now.st_mode & 0777, err))
		return err_wrap(err, "carrying over '%s'", from);
	return geteuid() != 0 || file_chown(to, now.st_uid, now.st_gid, err);
}

static bool carry_data_link(const Build *build, const Release *made, Err *err)
{
	DataHome home;

	if (is_first(build))
		return true;
	if (!data_home_state(build->site, build->current, &home, err))
		return false;
	return home != DATA_MOVED || data_home_link(build->site, made, err);
}

/* Installers do not sync. Without this a power cut after the marker could leave a release whose
 * files are empty, and the marker would vouch for it. */
static bool sync_release(const char *path, Err *err)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) != 0)
		return err_fail_sys(err, "cannot sync '%s'", path);
	return true;
}

static bool write_marker(const Build *build, const Release *made, Err *err)
{
	AUTO(json_release_auto) json_t *marker = json_object();
	AUTO(inventory_clear) Inventory inventory = {0};
	AUTO(free_auto) char *text = NULL;
	char digest[SHA256_HEX_SIZE];

	if (!inventory_read(made, build->site->extras, &inventory, err))
		return false;
	text = strlist_join(&inventory.freeze, "\n");
	sha256_of(text, strlen(text), digest);
	json_put(marker, "version", made->version);
	json_put(marker, "extras", build->site->extras);
	json_put(marker, "overrides", build->overrides);
	json_put(marker, "python", inventory.base_python);
	json_put(marker, "installer", build->installer.kind == INSTALLER_UV ? "uv" : "pip");
	json_put_int(marker, "built_at_ms", clock_wall_ms());
	json_put(marker, "packages_sha256", digest);
	return sync_release(made->path, err) && marker_finish(made->path, marker, err);
}

/* uv leaves a file that everybody may write to. */
static bool remove_lock(const Build *build, Err *err)
{
	AUTO(free_auto) char *lock = path_join(build->path, ".lock");

	return file_remove(lock, err);
}

static bool finish(Build *build, Release *made, Err *err)
{
	if (!release_at(build->path, made, err))
		return false;
	if (!str_is(made->version, build->version))
		return err_fail(err, ERR_VERIFY,
			"version '%s' was asked for and '%s' was installed", build->version,
			made->version);
	event_progress(STEP, 0, 0, "checking the new release");
	if (!remove_lock(build, err) ||
		!python_compile(&build->installer, made, build->log_file, err) ||
		!check_driver(build, err) || !carry_dotenv(build, made, err) ||
		!carry_data_link(build, made, err) || !write_marker(build, made, err))
		return false;
	made->ours = true;
	return true;
}

static bool build_new(Build *build, Release *made, Err *err)
{
	const Site *site = build->site;

	if (!inventory_read(build->current, site->extras, &build->inventory, err) ||
		!installer_choose(site, build->current->python, &build->installer, err))
		return false;
	if (is_first(build)) {
		strlist_clear(&build->inventory.extra);
		strlist_add_all(&build->inventory.extra, build->packages);
	}
	/* A shell that exports this would leave the release without byte code. */
	env_unset(&build->installer.env, "PYTHONDONTWRITEBYTECODE");
	if (!make_environment(build, err) || !install_webui(build, err))
		return false;
	/* A clone has them all. */
	if (!build->current->conda && !carry_packages(build, err))
		return false;
	return finish(build, made, err);
}

static bool run_build(Build *build, Release *ret, Err *err)
{
	AUTO(release_clear) Release made = {0};
	bool ready;

	if (!build_init(build, err) || !look_at_existing(build, &made, &ready, err) ||
		(!ready && !build_new(build, &made, err)))
		return err_wrap(err, "building release '%s'", build->version);
	*ret = made;
	memset(&made, 0, sizeof(made));
	return true;
}

bool release_build(const Site *site, const Release *current, const char *version,
	const char *log_file, Release *ret, Err *err)
{
	AUTO(build_clear)
	Build build = {.site = site, .current = current, .version = version, .log_file = log_file};

	if (site_in_container(site))
		return image_build(site, current, version, ret, err);
	return run_build(&build, ret, err);
}

bool release_build_first(const Site *site, const char *python, const StrList *packages,
	const char *version, const char *log_file, Release *ret, Err *err)
{
	const Release interpreter = {.path = (char *)python,
		.python = (char *)python,
		.system = true,
		.site_packages = (char *)"/"};
	AUTO(build_clear)
	Build build = {.site = site,
		.current = &interpreter,
		.packages = packages,
		.version = version,
		.log_file = log_file};

	return run_build(&build, ret, err);
}

bool release_sweep(const Site *site, const char *version, Err *err)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);
	AUTO(free_auto) char *path = path_join(releases, version);

	return sweep_unfinished(path, err);
}
