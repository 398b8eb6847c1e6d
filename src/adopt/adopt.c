#include "adopt/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "adopt/look.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "docker/engine_address.h"
#include "os/file.h"

static bool one_wish(Look *look, const char *setting, Err *err)
{
	const char *equals = strchr(setting, '=');
	size_t len = equals ? (size_t)(equals - setting) : strlen(setting);
	AUTO(free_auto) char *name = str_dup_n(setting, len);
	const SiteKey *key = site_key_find(name);

	if (!equals || !key) {
		const char *near = site_key_nearest(name);

		err_fail(err, ERR_USAGE, "there is no setting '%s'", name);
		return near && err_hint(err, "did you mean '%s'?", near);
	}
	if (key->secret)
		redact_add(equals + 1);
	if (!site_key_set(&look->draft, key, equals + 1, err))
		return false;
	look->wished[key - site_keys] = true;
	look_note(look, name, equals + 1, _("given as an option"));
	return true;
}

static bool take_wishes(Look *look, Err *err)
{
	const char *const *settings = look->wish->settings;

	site_keys_default(&look->draft);
	for (size_t i = 0; settings && settings[i]; i++)
		if (!one_wish(look, settings[i], err))
			return false;
	return true;
}

/* Nothing runs: these three cannot be guessed without risking the wrong data or the wrong key. */
static bool check_enough(const Look *look, Err *err)
{
	static const char *const needed[] = {"environment", "start_directory", "port"};
	AUTO(strlist_clear) StrList missing = {0};

	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (!look_wished(look, needed[i]))
			strlist_add(&missing, needed[i]);
	if (!missing.len)
		return true;
	AUTO(free_auto) char *names = strlist_join(&missing, ", ");
	err_fail(err, ERR_CONFIG, "no Open WebUI server runs here, and the options do not say: %s",
		names);
	return err_hint(err,
		"start the server and type: belay adopt; or: belay adopt --environment DIR "
		"--start-directory DIR --port PORT");
}

static bool note_start(Look *look, Err *err)
{
	const Recipe *recipe = &look->draft.recipe;
	AUTO(free_auto) char *port = str_format("%d", look->port);
	AUTO(free_auto) char *pid = str_format("%d", (int)look->process.pid);
	AUTO(free_auto) char *argv = strlist_join(&recipe->argv, " ");
	int number = (int)look->process.pid;

	look_note(look, "process", pid, _("it runs Open WebUI and listens on port %d"), look->port);
	look_note(look, "command", argv, _("command line of process %d"), number);
	if (!look_set(look, "port", port, err, _("listened on by process %d"), number) ||
		!look_set(look, "host", look->address, err, _("address process %d listens on"),
			number) ||
		!look_set(look, "user", recipe->user, err, _("user of process %d"), number) ||
		!look_set(look, "start_directory", recipe->dir, err,
			_("working directory of process %d"), number))
		return false;
	if (recipe->log)
		return look_set(look, "log_file", recipe->log, err,
			_("standard output of process %d"), number);
	look_note(look, "log_file", "", _("standard output of process %d is no file: %s"), number,
		look->process.stdout_path ? look->process.stdout_path : "?");
	return true;
}

static void note_details(Look *look)
{
	const Recipe *recipe = &look->draft.recipe;
	AUTO(text_clear) Text signals = TEXT_INIT(1024);
	AUTO(text_clear) Text limits = TEXT_INIT(256);

	if (recipe->pid_file)
		look_note(look, "pid-file", recipe->pid_file,
			_("it holds the number of process %d"), (int)recipe->pid);
	for (int i = 1; i < 32; i++)
		if (recipe->ignored_signals & (UINT64_C(1) << (i - 1)))
			text_addf(&signals, "%s%s", signals.len ? " " : "", sigabbrev_np(i));
	if (signals.len)
		look_note(look, "ignored-signals", signals.data, _("kept for the next start"));
	text_addf(&limits, "%zu", recipe->limit_count);
	look_note(look, "limits", limits.data, _("resource limits, kept for the next start"));
}

static bool look_at_process(Look *look, Err *err)
{
	if (!look->process.pid)
		return check_enough(look, err);
	if (!recipe_of_process(look->process.pid, &look->draft.recipe, err))
		return false;
	if (!note_start(look, err))
		return false;
	note_details(look);
	return true;
}

/* Whoever resumes after a power cut has none of these variables. */
static bool note_engine(Look *look, Err *err)
{
	const char *named = getenv("DOCKER_HOST");
	AUTO(engine_address_clear) EngineAddress address = {0};
	AUTO(err_clear) Err refused = {0};

	/* Refused already where it matters. */
	if (str_empty(named) || !engine_address(&address, &refused))
		return true;
	return look_set(look, "docker_host", address.host, err, "DOCKER_HOST") &&
	       (!address.certs ||
		       look_set(look, "docker_cert_path", address.certs, err, "DOCKER_CERT_PATH"));
}

/* The draft goes through the text of the site file to be, so that what is saved is what was
 * checked. */
static bool parse_draft(Look *look, Err *err)
{
	const char *name = look->wish->name ? look->wish->name : "openwebui";
	AUTO(free_auto) char *file = site_file_path(name);
	AUTO(free_auto) char *text = NULL;

	str_replace(&look->draft.name, path_name(name));
	text = site_format(&look->draft);
	if (look->draft.recipe.argv.len)
		recipe_copy(&look->draft.recipe, &look->out->site.recipe);
	return site_parse(text, file, &look->out->site, err);
}

static bool look_at_server(Look *look, Err *err)
{
	return look_at_process(look, err) && find_environment(look, err) && find_owner(look, err);
}

bool adopt_look(const AdoptWish *wish, Adoption *ret, Err *err)
{
	AUTO(adoption_clear) Adoption out = {0};
	AUTO(look_clear) Look look = {.wish = wish, .out = &out};

	if (!take_wishes(&look, err))
		return false;
	engine_use(look.draft.docker_host, look.draft.docker_cert_path);
	if (!find_server(&look, err))
		return false;
	if (look.container.id ? !describe_container(&look, err) : !look_at_server(&look, err))
		return false;
	if (!note_engine(&look, err) || !parse_draft(&look, err))
		return false;
	if (look.container.id ? !find_container_key(&look, err) : !check_system(&look, err))
		return false;
	if (!find_database(&look, err))
		return false;
	find_extras(&look);
	*ret = out;
	out = (Adoption){0};
	return true;
}

void adoption_clear(Adoption *adoption)
{
	site_clear(&adoption->site);
	for (size_t i = 0; i < adoption->len; i++) {
		free(adoption->findings[i].key);
		free(adoption->findings[i].value);
		free(adoption->findings[i].how);
	}
	free(adoption->findings);
	strlist_clear(&adoption->warnings);
	free(adoption->secret_key);
	*adoption = (Adoption){0};
}
