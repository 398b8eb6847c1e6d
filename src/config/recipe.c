#include "config/recipe.h"

#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"

#define RECIPE_MAX (4 * 1024 * 1024)
#define SCHEMA     1

static json_t *list_new(const StrList *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++) {
		json_t *item = json_string(list->items[i]);

		/* What is not UTF-8 cannot be written as JSON text; such a variable is left out. */
		if (item)
			json_array_append_new(array, item);
	}
	return array;
}

static json_t *limits_new(const Recipe *recipe)
{
	json_t *array = json_array();

	for (size_t i = 0; i < recipe->limit_count; i++) {
		const ProcLimit *limit = &recipe->limits[i];
		AUTO(free_auto) char *soft = str_format("%llu", (unsigned long long)limit->soft);
		AUTO(free_auto) char *hard = str_format("%llu", (unsigned long long)limit->hard);
		json_t *entry = json_object();

		json_put_int(entry, "resource", limit->resource);
		json_put(entry, "soft", limit->soft == UINT64_MAX ? "unlimited" : soft);
		json_put(entry, "hard", limit->hard == UINT64_MAX ? "unlimited" : hard);
		json_array_append_new(array, entry);
	}
	return array;
}

static json_t *recipe_json_new(const Recipe *recipe)
{
	json_t *root = json_object();
	json_t *groups = json_array();
	AUTO(free_auto)
	char *ignored = str_format("%llx", (unsigned long long)recipe->ignored_signals);

	for (size_t i = 0; i < recipe->group_count; i++)
		json_array_append_new(groups, json_integer(recipe->groups[i]));
	json_put_int(root, "schema", SCHEMA);
	json_object_set_new(root, "argv", list_new(&recipe->argv));
	json_object_set_new(root, "env", list_new(&recipe->env));
	json_put(root, "dir", recipe->dir);
	json_put(root, "user", recipe->user);
	json_put_int(root, "uid", recipe->uid);
	json_put_int(root, "gid", recipe->gid);
	json_object_set_new(root, "groups", groups);
	json_put_int(root, "umask", recipe->umask);
	json_put(root, "ignored_signals", ignored);
	json_object_set_new(root, "limits", limits_new(recipe));
	if (recipe->priority.known) {
		json_put_int(root, "nice", recipe->priority.nice);
		json_put_int(root, "oom_score_adj", recipe->priority.oom_score_adj);
	}
	json_put(root, "log", recipe->log);
	json_put(root, "pid_file", recipe->pid_file);
	json_put_int(root, "pid", recipe->pid);
	json_put_int(root, "start_ticks", (int64_t)recipe->start_ticks);
	json_put_int(root, "read_at_ms", recipe->read_at_ms);
	return root;
}

/* A variable may be missing in it; a word of the command, or the folder, may not. */
static bool can_be_written(const Recipe *recipe, const json_t *root)
{
	return json_array_size(json_object_get(root, "argv")) == recipe->argv.len &&
	       str_is(json_str(root, "dir"), recipe->dir);
}

bool recipe_save(const char *path, const Recipe *recipe, Err *err)
{
	AUTO(json_release_auto) json_t *root = recipe_json_new(recipe);
	AUTO(free_auto) char *text = json_pretty(root);

	if (!can_be_written(recipe, root))
		return err_fail(err, ERR_REFUSED,
			"the command or the folder that the server was started with is not UTF-8");
	if (!file_write_text(path, text, 0600, err))
		return err_wrap(err, "saving how the server is started");
	return true;
}

static void read_list(const json_t *root, const char *key, StrList *ret)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(root, key), i, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
}

static uint64_t read_limit(const json_t *entry, const char *key)
{
	const char *text = json_str(entry, key);

	return !text || str_is(text, "unlimited") ? UINT64_MAX : strtoull(text, NULL, 10);
}

static void read_limits(const json_t *root, Recipe *recipe)
{
	const json_t *array = json_object_get(root, "limits");
	size_t i;
	json_t *entry;

	recipe->limits = mem_new(json_array_size(array) + 1, sizeof(ProcLimit));
	json_array_foreach(array, i, entry)
	{
		int64_t resource = json_int(entry, "resource", -1);

		if (resource < 0 || resource > 64)
			continue;
		recipe->limits[recipe->limit_count++] = (ProcLimit){
			.resource = (int)resource,
			.soft = read_limit(entry, "soft"),
			.hard = read_limit(entry, "hard"),
		};
	}
}

/* A number that does not fit would wrap, possibly to root's; -1 means "leave it" to the kernel. An
 * absent one leaves what is in `ret`. */
static bool read_id(const json_t *value, uint32_t *ret)
{
	const json_int_t number = json_integer_value(value);

	if (!value)
		return true;
	if (!json_is_integer(value) || number < 0 || number >= UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool read_groups(const json_t *root, Recipe *recipe)
{
	const json_t *array = json_object_get(root, "groups");
	size_t i;
	json_t *item;

	recipe->groups = mem_new(json_array_size(array) + 1, sizeof(gid_t));
	json_array_foreach(array, i, item)
	{
		if (!read_id(item, &recipe->groups[recipe->group_count++]))
			return false;
	}
	return true;
}

static bool recipe_of_json(const json_t *root, Recipe *recipe)
{
	const char *ignored = json_str(root, "ignored_signals");

	read_list(root, "argv", &recipe->argv);
	read_list(root, "env", &recipe->env);
	recipe->dir = str_dup(json_str(root, "dir"));
	recipe->user = str_dup(json_str(root, "user"));
	recipe->uid = geteuid();
	recipe->gid = getegid();
	recipe->umask = (mode_t)(json_int(root, "umask", 0022) & 0777);
	recipe->ignored_signals = ignored ? strtoull(ignored, NULL, 16) : 0;
	read_limits(root, recipe);
	recipe->priority = (ProcPriority){
		.known = json_object_get(root, "oom_score_adj") != NULL,
		.nice = (int)json_int(root, "nice", 0),
		.oom_score_adj = (int)json_int(root, "oom_score_adj", 0),
	};
	recipe->log = str_dup(json_str(root, "log"));
	recipe->pid_file = str_dup(json_str(root, "pid_file"));
	recipe->pid = (pid_t)json_int(root, "pid", 0);
	recipe->start_ticks = (uint64_t)json_int(root, "start_ticks", 0);
	recipe->read_at_ms = json_int(root, "read_at_ms", 0);
	return json_int(root, "schema", SCHEMA) == SCHEMA &&
	       read_id(json_object_get(root, "uid"), &recipe->uid) &&
	       read_id(json_object_get(root, "gid"), &recipe->gid) && read_groups(root, recipe) &&
	       recipe->argv.len && recipe->dir && recipe->dir[0] == '/';
}

bool recipe_load(const char *path, Recipe *ret, Err *err)
{
	AUTO(recipe_clear) Recipe recipe = {0};
	AUTO(json_release_auto) json_t *root = NULL;
	AUTO(free_auto) char *text = NULL;
	size_t len = 0;

	if (!file_read(path, RECIPE_MAX, &text, &len, err))
		return err_wrap(err, "reading how the server is started");
	if (!json_parse(text, len, RECIPE_MAX, &root, err))
		return err_wrap(err, "'%s'", path);
	if (!recipe_of_json(root, &recipe)) {
		err_fail(err, ERR_CONFIG, "'%s' does not say how the server is started", path);
		return err_hint(err, "start the server and type: belay adopt");
	}
	recipe_learn_secrets(&recipe);
	*ret = recipe;
	recipe = (Recipe){0};
	return true;
}

void recipe_copy(const Recipe *from, Recipe *to)
{
	*to = *from;
	to->argv = to->env = (StrList){0};
	strlist_add_all(&to->argv, &from->argv);
	strlist_add_all(&to->env, &from->env);
	to->dir = str_dup(from->dir);
	to->user = str_dup(from->user);
	to->log = str_dup(from->log);
	to->pid_file = str_dup(from->pid_file);
	to->groups = mem_new(from->group_count + 1, sizeof(gid_t));
	if (from->group_count)
		memcpy(to->groups, from->groups, from->group_count * sizeof(gid_t));
	to->limits = mem_new(from->limit_count + 1, sizeof(ProcLimit));
	if (from->limit_count)
		memcpy(to->limits, from->limits, from->limit_count * sizeof(ProcLimit));
}

void recipe_clear(Recipe *recipe)
{
	strlist_clear(&recipe->argv);
	strlist_clear(&recipe->env);
	free(recipe->dir);
	free(recipe->user);
	free(recipe->groups);
	free(recipe->limits);
	free(recipe->log);
	free(recipe->pid_file);
	*recipe = (Recipe){0};
}

void recipe_learn_secrets(const Recipe *recipe)
{
	for (size_t i = 0; i < recipe->env.len; i++) {
		const char *entry = recipe->env.items[i];
		size_t len = strcspn(entry, "=");
		AUTO(free_auto) char *name = str_dup_n(entry, len);
		const char *value = entry[len] ? entry + len + 1 : "";

		/* Of a URL redact_add() keeps only the password. */
		if (strstr(value, "://") || redact_name_is_secret(name))
			redact_add(value);
	}
}

bool recipe_write_pid_file(const Recipe *recipe, pid_t pid, Err *err)
{
	AUTO(free_auto) char *text = str_format("%d\n", (int)pid);
	struct stat seen;
	bool known;

	if (!recipe->pid_file)
		return true;
	known = lstat(recipe->pid_file, &seen) == 0;
	if (!file_write_text(recipe->pid_file, text, known ? seen.st_mode & 0777 : 0644, err))
		return err_wrap(err, "writing the pid file");
	return file_chown(recipe->pid_file, known ? seen.st_uid : recipe->uid,
		known ? seen.st_gid : recipe->gid, err);
}

DaemonSpec recipe_surroundings(const Recipe *recipe)
{
	return (DaemonSpec){
		.env = strlist_argv(&recipe->env),
		.dir = recipe->dir,
		.log = recipe->log,
		.uid = recipe->uid,
		.gid = recipe->gid,
		.groups = recipe->groups,
		.group_count = recipe->group_count,
		.umask = recipe->umask,
		.ignored_signals = recipe->ignored_signals,
		.limits = recipe->limits,
		.limit_count = recipe->limit_count,
		.priority = recipe->priority,
	};
}

bool recipe_start(const Recipe *recipe, pid_t *ret_pid, int *ret_pidfd, Err *err)
{
	DaemonSpec spec = recipe_surroundings(recipe);
	pid_t pid = 0;

	spec.argv = strlist_argv(&recipe->argv);
	if (!proc_daemon(&spec, &pid, ret_pidfd, err))
		return err_wrap(err, "starting the server as it was started before");
	*ret_pid = pid;
	if (!recipe_write_pid_file(recipe, pid, err))
		event_warn_err("pid-file", err);
	return true;
}
