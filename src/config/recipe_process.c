#include "config/recipe.h"

#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/launcher_words.h"
#include "os/file.h"
#include "os/process_table.h"

#define PID_FILE_MAX 64

static char *user_name(uid_t uid)
{
	struct passwd entry;
	struct passwd *found = NULL;
	AUTO(free_auto) char *buffer = mem_new(1, 16384);

	if (getpwuid_r(uid, &entry, buffer, 16384, &found) == 0 && found)
		return str_dup(found->pw_name);
	return str_format("%u", (unsigned)uid);
}

static bool holds_pid(const char *path, pid_t pid)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(free_auto) char *text = NULL;
	char *end;

	if (file_kind(path) != FILE_REGULAR)
		return false;
	if (!file_read(path, PID_FILE_MAX, &text, NULL, &ignored))
		return false;
	return strtol(text, &end, 10) == pid && end != text && !*str_trim(end);
}

static char *find_pid_file(const char *dir, pid_t pid)
{
	AUTO(err_clear) Err ignored = {0};
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(dir, &names, &ignored))
		return NULL;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(dir, names.items[i]);

		if (str_ends(names.items[i], ".pid") && holds_pid(path, pid))
			return TAKE(path);
	}
	return NULL;
}

/* `python -m …` names no folder: what PATH gave then is what must run again. */
static void resolve_program(StrList *argv, const StrList *env)
{
	const char *path = env_get(env, "PATH");
	AUTO(free_auto) char *found = NULL;

	if (!argv->len || strchr(argv->items[0], '/') || !path)
		return;
	found = proc_find(argv->items[0], path);
	if (found)
		str_replace(&argv->items[0], found);
}

static void copy_identity(const Process *process, Recipe *recipe)
{
	recipe->uid = process->uid;
	recipe->gid = process->gid;
	recipe->user = user_name(process->uid);
	recipe->groups = mem_new(process->group_count + 1, sizeof(gid_t));
	recipe->group_count = process->group_count;
	if (process->group_count)
		memcpy(recipe->groups, process->groups, process->group_count * sizeof(gid_t));
}

bool recipe_of_process(pid_t pid, Recipe *ret, Err *err)
{
	AUTO(recipe_clear) Recipe recipe = {0};
	AUTO(process_clear) Process process = {0};

	if (!process_read(pid, &process, err))
		return err_wrap(err, "reading how the server was started");
	/* /proc/PID/environ and cwd are readable for the same user and for root only. */
	if (!process.dir || !process.env.len) {
		err_fail(err, ERR_REFUSED,
			"process %d belongs to another user: its start cannot be read", (int)pid);
		return err_hint(err, "run belay as that user or as root");
	}
	strlist_add_all(&recipe.argv, &process.argv);
	strlist_add_all(&recipe.env, &process.env);
	launcher_words_strip(&recipe.argv);
	resolve_program(&recipe.argv, &recipe.env);
	recipe.dir = str_dup(process.dir);
	copy_identity(&process, &recipe);
	recipe.umask = process.umask;
	recipe.ignored_signals = process.ignored_signals;
	recipe.priority = process.priority;
	if (!process_limits(pid, &recipe.limits, &recipe.limit_count, err))
		return false;
	if (process.stdout_path && file_kind(process.stdout_path) == FILE_REGULAR)
		recipe.log = str_dup(process.stdout_path);
	recipe.pid_file = find_pid_file(process.dir, pid);
	recipe.pid = pid;
	recipe.start_ticks = process.start_ticks;
	recipe.read_at_ms = clock_wall_ms();
	recipe_learn_secrets(&recipe);
	*ret = recipe;
	recipe = (Recipe){0};
	return true;
}
