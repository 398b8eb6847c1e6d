#include "release/python.h"

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define COMPILE_MS    (30 * 60 * 1000)
#define CLONE_MS      (30 * 60 * 1000)
#define ENSURE_PIP_MS 120000
#define IMPORT_MS     60000

bool python_base_usable(const Site *site, const char *base, Err *err)
{
	AUTO(free_auto) char *real = path_real(base);
	AUTO(free_auto) char *environment = path_real(site->environment);
	AUTO(free_auto) char *folder = site_releases_dir(site);
	AUTO(free_auto) char *releases = path_real(folder);

	if (!real)
		return err_fail(err, ERR_REFUSED,
			"the Python that the environment was made from, '%s', is gone", base);
	if ((environment && path_below(real, environment)) ||
		(releases && path_below(real, releases)) || path_below(base, site->environment))
		return err_fail(err, ERR_REFUSED,
			"the Python '%s' lies inside a release: a new one would break with it",
			base);
	return true;
}

/* `conda init` puts it on the PATH of interactive shells only, so neither belay nor the server may
 * have it there; then it is looked for where it made the environment, BASE/envs/NAME or BASE. */
static char *conda_program(const Installer *installer)
{
	const char *const named[] = {
		getenv("CONDA_EXE"), env_get(&installer->site->recipe.env, "CONDA_EXE")};
	AUTO(free_auto) char *envs = path_folder(installer->site->environment);
	AUTO(free_auto) char *base = path_folder(envs);
	AUTO(free_auto) char *of_base = path_join(base, "bin/conda");
	AUTO(free_auto) char *own = path_join(installer->site->environment, "bin/conda");
	char *found;

	for (size_t i = 0; i < COUNT_OF(named); i++)
		if (named[i] && named[i][0] == '/' && file_exists(named[i]))
			return str_dup(named[i]);
	found = proc_find("conda", env_get(&installer->env, "PATH"));
	if (found)
		return found;
	if (str_is(path_name(envs), "envs") && file_exists(of_base))
		return TAKE(of_base);
	return file_exists(own) ? TAKE(own) : NULL;
}

bool python_clone_conda(const Installer *installer, const Release *current, const char *folder,
	const char *log_file, Err *err)
{
	AUTO(free_auto) char *conda = conda_program(installer);
	AUTO(proc_result_clear) ProcResult result = {0};

	if (!conda) {
		err_fail(err, ERR_REFUSED,
			"'%s' is a conda environment and there is no 'conda' program",
			current->path);
		return err_hint(
			err, "name it: CONDA_EXE=/path/to/bin/conda belay …, or put it on PATH");
	}
	const ProcSpec spec = {
		.argv = ARGV(conda, "create", "--yes", "--quiet", "--offline", "--clone",
			current->path, "--prefix", folder),
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.log_file = log_file,
		.timeout_ms = CLONE_MS,
		.low_priority = true,
	};
	if (!FAULT(err, "conda-clone") || !proc_run(&spec, &result, err))
		return err_wrap(err, "cloning the conda environment '%s'", current->path);
	return true;
}

/* One module that every start needs stands for all: uv and pip compile everything or nothing. */
static bool is_compiled(const Release *release)
{
	AUTO(free_auto) char *minor = str_dup(release->python_version);
	AUTO(strlist_clear) StrList parts = {0};
	AUTO(free_auto) char *file = NULL;

	strlist_split(&parts, minor, ".");
	if (parts.len < 2)
		return false;
	file = str_format("%s/__pycache__/__init__.cpython-%s%s.pyc", release->package_dir,
		parts.items[0], parts.items[1]);
	return file_exists(file);
}

bool python_compile(
	const Installer *installer, const Release *release, const char *log_file, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {
		.argv = ARGV(release->python, "-I", "-m", "compileall", "-q", "-j0",
			release->site_packages),
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.log_file = log_file,
		.timeout_ms = COMPILE_MS,
		/* Packages ship files that are no Python at all (templates): compileall complains.
		 */
		.exit_is_answer = true,
		.low_priority = true,
	};

	if (is_compiled(release))
		return true;
	if (!FAULT(err, "compile") || !proc_run(&spec, &result, err))
		return err_wrap(err, "compiling byte code");
	if (!is_compiled(release))
		event_notice("no-byte-code", true,
			"byte code of '%s' could not be compiled: its first start will be slow",
			release->path);
	return true;
}

bool python_imports(
	const Installer *installer, const char *python, const char *module, bool *ret, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {
		.argv = ARGV(python, "-I", "-c",
			"import importlib, sys; importlib.import_module(sys.argv[1])", module),
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.timeout_ms = IMPORT_MS,
		.exit_is_answer = true,
	};

	if (!proc_run(&spec, &result, err))
		return err_wrap(err, "loading the Python module '%s'", module);
	*ret = result.exit_code == 0;
	return true;
}

bool python_ensure_pip(const Installer *installer, const char *python, const char *log_file)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	const ProcSpec spec = {
		.argv = ARGV(python, "-I", "-m", "ensurepip", "--default-pip"),
		.env = strlist_argv(&installer->env),
		.user = installer->user,
		.log_file = log_file,
		.timeout_ms = ENSURE_PIP_MS,
	};

	return FAULT(&ignored, "ensure-pip") && proc_run(&spec, &result, &ignored);
}

bool python_on_path(const char *version, char **ret, Err *err)
{
	const char *path = getenv("PATH");
	AUTO(free_auto) char *name = str_format("python%s", version);

	*ret = proc_find(name, path ? path : "/usr/local/bin:/usr/bin:/bin");
	if (*ret)
		return true;
	err_fail(err, ERR_REFUSED, "there is no Python %s on PATH, and the site ran with that one",
		version);
	return err_hint(err, "install '%s', or: uv python install %s", name, version);
}
