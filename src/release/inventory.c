#include "release/inventory.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"
#include "release/build.h"

#define ANSWER_MAX_BYTES (1024 * 1024)
#define ANSWER_MS        60000

#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char script[] =
#include "inventory_py.h"
	;

/* NULL when belay itself is the one to run it. */
static char *owner_name(const char *path)
{
	const struct passwd *entry;
	struct stat owner;

	if (geteuid() != 0 || stat(path, &owner) != 0 || owner.st_uid == 0)
		return NULL;
	entry = getpwuid(owner.st_uid);
	return entry ? str_dup(entry->pw_name) : NULL;
}

static bool read_list(const json_t *answer, const char *key, StrList *ret)
{
	const json_t *array = json_object_get(answer, key);
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			return false;
		strlist_add(ret, json_string_value(item));
	}
	return true;
}

static bool read_answer(const char *text, Inventory *out, Err *err)
{
	AUTO(json_release_auto) json_t *answer = NULL;

	if (!json_parse(text, strlen(text), ANSWER_MAX_BYTES, &answer, err))
		return false;
	str_replace(&out->base_python, json_str(answer, "base"));
	out->venv = json_flag(answer, "venv", false);
	if (!out->base_python || !read_list(answer, "freeze", &out->freeze) ||
		!read_list(answer, "extra", &out->extra))
		return err_fail(err, ERR_VERIFY, "the answer is incomplete");
	return true;
}

bool inventory_read(const Release *release, const char *extras, Inventory *ret, Err *err)
{
	AUTO(inventory_clear) Inventory out = {0};
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(free_auto) char *user = owner_name(release->path);

	strlist_add_array(&argv, ARGV(release->python, "-I", "-B", "-"));
	if (release->system)
		strlist_addf(&argv, "--packages=%s", release->site_packages);
	strlist_split(&argv, extras ? extras : "", ", ");
	const ProcSpec spec = {
		.argv = strlist_argv(&argv),
		.user = user,
		.input = script,
		.capture_max = ANSWER_MAX_BYTES,
		.timeout_ms = ANSWER_MS,
	};
	if (!proc_run(&spec, &result, err) || !read_answer(result.out, &out, err))
		return err_wrap(err, "listing the packages of '%s'", release->path);
	*ret = out;
	memset(&out, 0, sizeof(out));
	return true;
}

void inventory_clear(Inventory *inventory)
{
	free(inventory->base_python);
	strlist_clear(&inventory->freeze);
	strlist_clear(&inventory->extra);
	memset(inventory, 0, sizeof(*inventory));
}

bool release_extra_packages(const Site *site, const Release *current, StrList *ret, Err *err)
{
	AUTO(inventory_clear) Inventory inventory = {0};

	if (!inventory_read(current, site->extras, &inventory, err))
		return false;
	strlist_add_all(ret, &inventory.extra);
	return true;
}

bool release_freeze(const Release *release, StrList *ret, Err *err)
{
	AUTO(inventory_clear) Inventory inventory = {0};

	if (!inventory_read(release, NULL, &inventory, err))
		return false;
	strlist_add_all(ret, &inventory.freeze);
	return true;
}
