#include "service/server_process.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/launcher_words.h"
#include "config/system_python.h"
#include "os/file.h"
#include "os/proc.h"

#define MODULES_MAX   2000
#define ANCESTORS_MAX 64
#define WORD_MAX      80

static void add_folder(StrList *folders, const char *path)
{
	AUTO(free_auto) char *real = path_real(path);

	if (!strlist_has(folders, path))
		strlist_add(folders, path);
	if (real && !strlist_has(folders, real))
		strlist_add(folders, real);
}

void site_roots_of(const Site *site, SiteRoots *ret)
{
	AUTO(free_auto) char *releases = site_releases_dir(site);

	*ret = (SiteRoots){.site = site};
	add_folder(&ret->folders, site->environment);
	add_folder(&ret->folders, releases);
}

void site_roots_clear(SiteRoots *roots)
{
	strlist_clear(&roots->folders);
}

bool site_roots_hold(const SiteRoots *roots, const char *path)
{
	for (size_t i = 0; i < roots->folders.len; i++) {
		if (path_below(path, roots->folders.items[i]))
			return true;
	}
	return false;
}

/* bin/python of a venv is a link to the base Python, so only the folder is resolved, not the file.
 */
static bool word_is_in(const SiteRoots *roots, const char *word, const char *dir)
{
	AUTO(free_auto) char *path = NULL;
	AUTO(free_auto) char *folder = NULL;
	AUTO(free_auto) char *real = NULL;

	if (!strchr(word, '/') || strlen(word) > 4096)
		return false;
	path = word[0] == '/' ? str_dup(word) : path_join(dir ? dir : "/", word);
	if (site_roots_hold(roots, path))
		return true;
	folder = path_folder(path);
	real = path_real(folder);
	return real && site_roots_hold(roots, real);
}

/* Only the words that say what is run: of an editor that has a file of ours open it is not true. */
static bool argv_runs_from(const SiteRoots *roots, const Process *process)
{
	const size_t looked_at = process->argv.len < 3 ? process->argv.len : 3;
	AUTO(free_auto) char *found = NULL;

	if (process->argv.len && !strchr(process->argv.items[0], '/')) {
		const char *path = env_get(&process->env, "PATH");

		found = path ? proc_find(process->argv.items[0], path) : NULL;
		if (found && word_is_in(roots, found, process->dir))
			return true;
	}
	for (size_t i = 0; i < looked_at; i++) {
		if (word_is_in(roots, process->argv.items[i], process->dir))
			return true;
	}
	return process->exe && word_is_in(roots, process->exe, process->dir);
}

/* An environment made from the system's Python runs the same file. */
static bool is_in_environment(const char *python)
{
	AUTO(free_auto) char *bin = path_folder(python);
	AUTO(free_auto) char *folder = path_folder(bin);
	AUTO(free_auto) char *config = path_join(folder, "pyvenv.cfg");

	return file_exists(config);
}

static bool is_same_file(const char *a, const char *b)
{
	AUTO(free_auto) char *real_a = path_real(a);
	AUTO(free_auto) char *real_b = path_real(b);

	return real_a && real_b && str_is(real_a, real_b);
}

static bool names_webui(const StrList *argv)
{
	for (size_t i = 0; i < argv->len; i++) {
		if (str_is(argv->items[i], "open_webui") ||
			str_starts(argv->items[i], "open_webui.main"))
			return true;
	}
	return false;
}

/* The system's Open WebUI: everything else that runs with the same Python is someone else's, so its
 * folders are no roots and the words of the command decide. */
static bool runs_from_system(const SiteRoots *roots, const Process *process)
{
	const Site *site = roots->site;
	const StrList *argv = &process->argv;
	AUTO(free_auto) char *python = NULL;

	if (!site || !site->system_script || !argv->len)
		return false;
	for (size_t i = 0; i < argv->len && i < 3; i++) {
		if (str_is(path_name(argv->items[i]), path_name(site->system_script)) &&
			is_same_file(argv->items[i], site->system_script))
			return true;
	}
	if (strchr(argv->items[0], '/'))
		python = str_dup(argv->items[0]);
	else if (env_get(&process->env, "PATH"))
		python = proc_find(argv->items[0], env_get(&process->env, "PATH"));
	return python && site->system_python && names_webui(argv) &&
	       is_same_file(python, site->system_python) && !is_in_environment(python);
}

bool process_runs_from(const SiteRoots *roots, const Process *process)
{
	AUTO(strlist_clear) StrList modules = {0};
	AUTO(err_clear) Err ignored = {0};

	if (process->other_namespace)
		return false;
	if (argv_runs_from(roots, process) || runs_from_system(roots, process))
		return true;
	if (!process_maps(process->pid, ".so", MODULES_MAX, &modules, &ignored))
		return false;
	for (size_t i = 0; i < modules.len; i++) {
		if (site_roots_hold(roots, modules.items[i]))
			return true;
	}
	return false;
}

static bool is_python(const Process *process)
{
	return (process->exe && str_starts(path_name(process->exe), "python")) ||
	       (process->argv.len && str_starts(path_name(process->argv.items[0]), "python"));
}

bool process_is_webui(const Process *process)
{
	bool webui = false, serves = false;

	if (!is_python(process) || launcher_is_waiting(&process->argv, process->name))
		return false;
	for (size_t i = 0; i < process->argv.len; i++) {
		const char *word = process->argv.items[i];
		const char *name = path_name(word);

		if (str_is(word, "--multiprocessing-fork"))
			return true;
		if (str_starts(word, "open_webui.main"))
			return true;
		webui |= str_is(name, "open-webui") || str_is(word, "open_webui") ||
			 str_ends(word, "/open_webui/__main__.py");
		serves |= str_is(word, "serve") || str_is(word, "dev");
	}
	return webui && serves;
}

/* The port that its words name; 0: they name none. */
static int port_named(const Process *process)
{
	for (size_t i = 0; i < process->argv.len; i++) {
		const char *word = process->argv.items[i];

		if (str_is(word, "--port") && i + 1 < process->argv.len)
			return atoi(process->argv.items[i + 1]);
		if (str_starts(word, "--port="))
			return atoi(word + strlen("--port="));
	}
	return 0;
}

int process_port_asked(const Process *process)
{
	const int named = port_named(process);
	bool uvicorn = false;

	for (size_t i = 0; i < process->argv.len; i++)
		uvicorn |= str_starts(process->argv.items[i], "open_webui.main");
	if (named)
		return named;
	return uvicorn ? 8000 : 8080;
}

/* ---- finding it ---- */

/* Workers share the socket of the process that started them; that one is to be ended. */
static void climb(const SiteRoots *roots, Process *process)
{
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		AUTO(process_clear) Process parent = {0};
		AUTO(err_clear) Err ignored = {0};

		if (process->parent <= 1 || !process_read(process->parent, &parent, &ignored) ||
			!process_is_webui(&parent) || !process_runs_from(roots, &parent))
			return;
		process_clear(process);
		*process = parent;
		parent = (Process){0};
	}
}

typedef struct Search {
	const Site *site;
	const SiteRoots *roots;
	pid_t found;
} Search;

static bool listens_elsewhere(pid_t pid, int port)
{
	AUTO(free_auto) int *ports = NULL;
	size_t count = process_ports(pid, &ports, NULL);

	for (size_t i = 0; i < count; i++) {
		if (ports[i] == port)
			return false;
	}
	return count > 0;
}

static bool same_words(const StrList *a, const StrList *b)
{
	for (size_t i = 0; i < a->len || i < b->len; i++) {
		if (i >= a->len || i >= b->len || !str_is(a->items[i], b->items[i]))
			return false;
	}
	return true;
}

static bool runs_as_recorded(const Process *process, const StrList *recorded)
{
	AUTO(strlist_clear) StrList argv = {0};

	if (launcher_is_waiting(&process->argv, process->name))
		return false;
	strlist_add_all(&argv, &process->argv);
	launcher_words_strip(&argv);
	return same_words(&argv, recorded);
}

static bool look_at(void *arg, const Process *process)
{
	Search *search = arg;
	const bool as_recorded = runs_as_recorded(process, &search->site->recipe.argv);

	if (!as_recorded &&
		(!process_is_webui(process) || process_port_asked(process) != search->site->port))
		return true;
	if (!process_runs_from(search->roots, process))
		return true;
	/* One that was told this site's port is ours even if it took another: it writes to the
	 * database all the same, and an undo has to end it. */
	if (port_named(process) != search->site->port &&
		listens_elsewhere(process->pid, search->site->port))
		return true;
	search->found = process->pid;
	return false;
}

void server_find(const Site *site, Process *ret, bool *ret_found)
{
	AUTO(site_roots_clear) SiteRoots roots = {0};
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};
	pid_t listener = process_listening_on(site->port);
	Search search = {.site = site, .roots = &roots};

	*ret_found = false;
	site_roots_of(site, &roots);
	if (listener <= 0 || !process_read(listener, &process, &ignored) ||
		!process_runs_from(&roots, &process)) {
		process_clear(&process);
		process_each(look_at, &search);
		if (!search.found || !process_read(search.found, &process, &ignored))
			return;
	}
	climb(&roots, &process);
	*ret = process;
	process = (Process){0};
	*ret_found = true;
}

typedef struct Family {
	pid_t root;
	pid_t *pids;
	size_t len;
} Family;

static bool add_relative(void *arg, const Process *process)
{
	Family *family = arg;

	if (process->pid == family->root || !process_is_descendant(process->pid, family->root))
		return true;
	family->pids = mem_resize(family->pids, family->len + 1, sizeof(pid_t));
	family->pids[family->len++] = process->pid;
	return true;
}

size_t server_family(pid_t root, pid_t **ret)
{
	Family family = {.root = root, .pids = mem_new(1, sizeof(pid_t)), .len = 1};

	family.pids[0] = root;
	process_each(add_relative, &family);
	*ret = family.pids;
	return family.len;
}

/* Two words say what it is; later ones may be secrets that we do not know. */
char *process_describe(pid_t pid)
{
	AUTO(process_clear) Process process = {0};
	AUTO(err_clear) Err ignored = {0};
	const char *second;

	if (!process_read(pid, &process, &ignored) || process.argv.len == 0)
		return str_format("process %d", (int)pid);
	launcher_words_strip(&process.argv);
	second = process.argv.len > 1 ? process.argv.items[1] : "";
	if (second[0] == '-' || !second[0] || strpbrk(second, "=@:"))
		return str_format("process %d ('%.*s')", (int)pid, WORD_MAX, process.argv.items[0]);
	return str_format("process %d ('%.*s %.*s')", (int)pid, WORD_MAX, process.argv.items[0],
		WORD_MAX, second);
}
