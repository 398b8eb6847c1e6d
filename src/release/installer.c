#include "release/installer.h"

#include <pwd.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

#define INSTALL_TIMEOUT_MS (30 * 60 * 1000)
#define CAPTURE_MAX        (1024 * 1024)

/* What reaches the index, the cache and the certificates of a closed network. */
static const char *const network_prefixes[] = {"PIP_", "UV_", NULL};
static const char *const network_names[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"TMPDIR", NULL};
/* These would redirect an installation that names its folder itself, or ask questions. */
static const char *const unwanted[] = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER",
	"PIP_DRY_RUN", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON", "UV_PYTHON", "UV_SYSTEM_PYTHON",
	"UV_PROJECT", "UV_WORKING_DIR", NULL};

static bool wanted_variable(const char *entry)
{
	for (size_t i = 0; network_prefixes[i]; i++)
		if (str_starts(entry, network_prefixes[i]))
			return true;
	for (size_t i = 0; network_names[i]; i++) {
		const size_t len = strlen(network_names[i]);

		if (strncmp(entry, network_names[i], len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

static void take_over(StrList *env, const char *const *from)
{
	for (size_t i = 0; from && from[i]; i++) {
		const char *equals = strchr(from[i], '=');
		AUTO(free_auto) char *name = NULL;

		if (!equals || !wanted_variable(from[i]))
			continue;
		name = str_dup_n(from[i], (size_t)(equals - from[i]));
		if (!env_get(env, name))
			env_set(env, name, equals + 1);
	}
}

static const char *const system_certs[] = {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"};

/* Belay's own settings come first: whoever types the upgrade may have a proxy that the server's
 * unit does not have. HOME is the user's, for pip.conf and uv.toml. */
static void build_env(const Site *site, bool other_user, StrList *env)
{
	const struct passwd *entry = other_user ? getpwnam(site->user) : getpwuid(geteuid());
	const char *path = getenv("PATH");

	env_set(env, "PATH", path ? path : "/usr/local/bin:/usr/bin:/bin");
	env_set(env, "LC_ALL", "C.UTF-8"); /* installer_explain() reads the English texts */
	if (entry)
		env_set(env, "HOME", entry->pw_dir);
	take_over(env, (const char *const *)environ);
	take_over(env, strlist_argv(&site->recipe.env));
	for (size_t i = 0; unwanted[i]; i++)
		env_unset(env, unwanted[i]);
	env_set(env, "PIP_DISABLE_PIP_VERSION_CHECK", "1");
	env_set(env, "PIP_NO_INPUT", "1");
	env_set(env, "UV_NO_PROGRESS", "1");
	/* A company's own CA is in the system's store, which pip and curl use; uv brings its own
	 * list unless told (UV_NATIVE_TLS is the name before 0.9). */
	for (size_t i = 0; i < COUNT_OF(system_certs); i++)
		if (!env_get(env, system_certs[i]))
			env_set(env, system_certs[i], "1");
}

/* Tried as the site's user: what root's PATH names may lie where that user cannot read. */
static bool answers(const Installer *installer, const char *const *argv)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(err_clear) Err ignored = {0};
	const ProcSpec spec = {
		.argv = argv,
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.timeout_ms = 60 * 1000,
		.quiet = true,
	};

	return file_exists(argv[0]) && proc_run(&spec, &result, &ignored);
}

static char *find_uv(const Installer *installer, const char *python)
{
	const char *home = env_get(&installer->env, "HOME");
	AUTO(free_auto) char *bin = path_folder(python);
	AUTO(strlist_clear) StrList places = {0};

	strlist_split(&places, env_get(&installer->env, "PATH"), ":");
	if (home)
		strlist_addf(&places, "%s/.local/bin", home);
	strlist_add(&places, bin);
	for (size_t i = 0; i < places.len; i++) {
		AUTO(free_auto) char *uv = path_join(places.items[i], "uv");

		if (uv[0] == '/' && answers(installer, ARGV(uv, "--version")))
			return TAKE(uv);
	}
	return NULL;
}

static bool has_pip(const Installer *installer, const char *python)
{
	return answers(installer, ARGV(python, "-m", "pip", "--version"));
}

/* Into the environment, where find_uv() looks: a user's own folder is closed to a venv's pip, and
 * to that of Debian's Python. */
static bool hint_uv(const Installer *installer, const char *python, Err *err)
{
	if (has_pip(installer, python))
		return err_hint(err, "%s -m pip install uv", python);
	return err_hint(err, "%s -m ensurepip && %s -m pip install uv", python, python);
}

static bool choose_pip(Installer *installer, const char *python, Err *err)
{
	const Site *site = installer->site;

	if (site->overrides) {
		err_fail(err, ERR_REFUSED,
			"'overrides' of the site file needs uv, which was not found");
		return hint_uv(installer, python, err);
	}
	if (file_exists(python) && !has_pip(installer, python)) {
		err_fail(
			err, ERR_REFUSED, "neither uv nor pip was found ('%s' has no pip)", python);
		return err_hint(err, "%s -m ensurepip", python);
	}
	installer->kind = INSTALLER_PIP;
	installer->program = str_dup(python);
	return true;
}

bool installer_choose(const Site *site, const char *python, Installer *ret, Err *err)
{
	const bool other_user = geteuid() == 0 && !str_empty(site->user) &&
				!str_is(site->user, "root");
	const bool only_uv = str_is(site->installer, "uv");
	AUTO(installer_clear) Installer found = {.site = site};

	if (other_user)
		found.user = str_dup(site->user);
	build_env(site, other_user, &found.env);
	if (!str_is(site->installer, "pip"))
		found.program = find_uv(&found, python);
	if (only_uv && !found.program) {
		err_fail(err, ERR_REFUSED, "the site file asks for uv, which was not found");
		return hint_uv(&found, python, err);
	}
	if (!found.program && !choose_pip(&found, python, err))
		return false;
	*ret = found;
	found = (Installer){0};
	return true;
}

void installer_clear(Installer *installer)
{
	free(installer->program);
	free(installer->user);
	strlist_clear(&installer->env);
	*installer = (Installer){0};
}

void installer_use_python(Installer *installer, const char *python)
{
	if (installer->kind == INSTALLER_PIP)
		str_replace(&installer->program, python);
}

bool installer_use_temp(Installer *installer, const char *path, Err *err)
{
	const struct passwd *user = installer->user ? getpwnam(installer->user) : NULL;

	if (!tree_remove(path, err) || !dir_make(path, 0700, err))
		return false;
	env_set(&installer->env, "TMPDIR", path);
	return !user || file_chown(path, user->pw_uid, user->pw_gid, err);
}

static void uv_options(const Installer *installer, const InstallSpec *want, StrList *argv)
{
	if (want->python) {
		strlist_add(argv, "--python");
		strlist_add(argv, want->python);
	}
	/* The copy in the cache is shared by hard links, so a second release costs little. */
	if (!want->target)
		strlist_add(argv, "--compile-bytecode");
	if (installer->site->overrides && !want->no_deps) {
		strlist_add(argv, "--override");
		strlist_add(argv, installer->site->overrides);
	}
}

void installer_argv(const Installer *installer, const InstallSpec *want, StrList *ret)
{
	const bool uv = installer->kind == INSTALLER_UV;

	strlist_add(ret, installer->program);
	if (!uv)
		strlist_add(ret, "-m");
	strlist_add(ret, "pip");
	strlist_add(ret, "install");
	if (uv)
		uv_options(installer, want, ret);
	if (want->target) {
		strlist_add(ret, "--target");
		strlist_add(ret, want->target);
		if (!uv)
			strlist_add(ret, "--no-compile"); /* unpacked to be read, not to be run */
	}
	if (want->no_deps)
		strlist_add(ret, "--no-deps");
	if (want->no_build)
		strlist_add_array(ret, ARGV("--only-binary", ":all:"));
	if (want->dry_run)
		strlist_add(ret, "--dry-run");
	if (installer->site->wheels)
		strlist_add_array(ret, ARGV("--no-index", "--find-links", installer->site->wheels));
	strlist_add_array(ret, want->wants);
}

void installer_venv_argv(
	const Installer *installer, const char *base_python, const char *folder, StrList *ret)
{
	if (installer->kind == INSTALLER_UV)
		strlist_add_array(ret, ARGV(installer->program, "venv", "--no-project", "--python",
					       base_python, folder));
	else
		strlist_add_array(ret, ARGV(base_python, "-m", "venv", folder));
}

typedef enum { SAID_NO_SPACE, SAID_NETWORK, SAID_NO_VERSION } Meaning;

typedef struct Phrase {
	const char *part;
	Meaning meaning;
} Phrase;

/* A missing version and a refused connection were seen with uv 0.13.9 and pip 23.2; the others are
 * the usual texts of the system and of their libraries. In this order: a broken connection makes
 * pip add "no matching distribution", with "(from versions: none)". */
static const Phrase phrases[] = {
	{"No space left on device", SAID_NO_SPACE},
	{"os error 28", SAID_NO_SPACE},
	{"Disk quota exceeded", SAID_NO_SPACE},
	{"error sending request", SAID_NETWORK},
	{"Failed to fetch", SAID_NETWORK},
	{"Could not connect", SAID_NETWORK},
	{"dns error", SAID_NETWORK},
	{"operation timed out", SAID_NETWORK},
	{"Network connectivity is disabled", SAID_NETWORK},
	{"Failed to establish a new connection", SAID_NETWORK},
	{"Name or service not known", SAID_NETWORK},
	{"Temporary failure in name resolution", SAID_NETWORK},
	{"Connection refused", SAID_NETWORK},
	{"Read timed out", SAID_NETWORK},
	{"SSLError", SAID_NETWORK},
	{"Cannot connect to proxy", SAID_NETWORK},
	{"No solution found", SAID_NO_VERSION},
	{"No matching distribution", SAID_NO_VERSION},
	{"Could not find a version", SAID_NO_VERSION},
	{"ResolutionImpossible", SAID_NO_VERSION},
	{"requires a different Python", SAID_NO_VERSION},
};

/* The line with the phrase, without what the program puts in front. */
static char *line_with(const char *said, const char *part)
{
	static const char *const labels[] = {"ERROR: ", "error: ", "cause: "};
	const char *at = strstr(said, part), *start = at;
	AUTO(free_auto) char *line = NULL;
	char *text;

	while (start > said && start[-1] != '\n')
		start--;
	line = str_dup_n(start, strcspn(start, "\r\n"));
	text = str_trim(line);
	for (size_t i = 0; i < COUNT_OF(labels); i++)
		if (str_starts(text, labels[i]))
			text += strlen(labels[i]);
	if (strlen(text) > 300)
		text[300] = '\0';
	return str_dup(text);
}

/* uv tells the reason on the line after "No solution found". */
static char *reason_of(const char *said, const char *part)
{
	const char *because = strstr(said, "Because ");

	return line_with(said, because && str_is(part, "No solution found") ? "Because " : part);
}

static bool explain(Meaning meaning, const char *name, const char *reason, Err *err)
{
	switch (meaning) {
	case SAID_NO_SPACE:
		err_fail(err, ERR_NO_SPACE, "the disk is full (%s: %s)", name, reason);
		return err_hint(err, "make room beside the environment and in the cache "
				     "(uv cache prune, pip cache purge)");
	case SAID_NETWORK:
		err_fail(err, ERR_NETWORK, "the package index cannot be reached (%s: %s)", name,
			reason);
		return err_hint(err,
			"check the index and proxy settings, or build from a folder: set "
			"wheels in the site file");
	case SAID_NO_VERSION:
		err_fail(err, ERR_REFUSED, "nothing to install fits (%s: %s)", name, reason);
		return err_hint(err, "look at the wanted version, extras, overrides and the Python "
				     "version");
	}
	return false;
}

bool installer_explain(InstallerKind kind, const char *said, Err *err)
{
	const char *name = kind == INSTALLER_UV ? "uv" : "pip";
	const Phrase *found = NULL;
	AUTO(free_auto) char *reason = NULL;

	for (size_t i = 0; i < COUNT_OF(phrases) && !found; i++)
		if (strstr(said, phrases[i].part))
			found = &phrases[i];
	if (!found)
		return err_fail(err, ERR_EXEC, "%s failed", name);
	reason = reason_of(said, found->part);
	/* pip without retries says no more than this of an index that does not answer. */
	if (found->meaning == SAID_NO_VERSION && strstr(said, "(from versions: none)") &&
		strstr(said, "Looking in indexes"))
		return explain(SAID_NETWORK, name, reason, err);
	return explain(found->meaning, name, reason, err);
}

static bool run(const Installer *installer, const StrList *argv, const char *input,
	const char *log_file, ProcResult *ret, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {.exit_code = -1};
	AUTO(text_clear) Text said = TEXT_INIT(CAPTURE_MAX);
	const ProcSpec spec = {
		.argv = strlist_argv(argv),
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.input = input,
		.log_file = log_file,
		.capture_max = CAPTURE_MAX,
		.timeout_ms = INSTALL_TIMEOUT_MS,
		.exit_is_answer = true,
		.low_priority = true,
	};

	if (!proc_run(&spec, &result, err))
		return false;
	if (result.exit_code != 0) {
		text_add(&said, result.out);
		text_add(&said, "\n");
		text_add(&said, result.err_tail);
		installer_explain(installer->kind, said.data, err);
		if (err->kind == ERR_EXEC && log_file)
			return err_hint(err, "see '%s'", log_file);
		return false;
	}
	if (ret) {
		*ret = result;
		result = (ProcResult){0};
	}
	return true;
}

bool installer_run(const Installer *installer, const StrList *argv, const char *log_file,
	ProcResult *ret, Err *err)
{
	return run(installer, argv, NULL, log_file, ret, err);
}

bool installer_ask(
	const Installer *installer, const StrList *argv, const char *input, char **ret, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};

	if (!run(installer, argv, input, NULL, &result, err))
		return false;
	*ret = TAKE(result.out);
	return true;
}

bool installer_install(
	const Installer *installer, const InstallSpec *want, const char *log_file, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};

	installer_argv(installer, want, &argv);
	return installer_run(installer, &argv, log_file, NULL, err);
}
