#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_questions.h"
#include "os/http.h"

#define ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define ANSWER_MS  5000

static bool get(const Asking *asking, const char *path, HttpAnswer *ret, Err *err)
{
	const Site *site = asking->spec->site;
	const bool six = strchr(site->host, ':') != NULL;
	AUTO(free_auto)
	char *url = str_format(
		"http://%s%s%s:%d%s", six ? "[" : "", site->host, six ? "]" : "", site->port, path);
	const HttpRequest request = {.url = url, .timeout_ms = ANSWER_MS, .max_bytes = ANSWER_MAX};

	return http_ask(&request, ret, err);
}

/* The single page application answers whatever is not an API with 200 and HTML. */
static bool is_json(const HttpAnswer *answer)
{
	return str_starts(answer->content_type, "application/json");
}

static bool get_json(const Asking *asking, const char *path, json_t **ret, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};

	if (!get(asking, path, &answer, err))
		return false;
	if (answer.status != 200 || !is_json(&answer))
		return err_fail(err, ERR_VERIFY, "%s answers %d and '%s' instead of JSON", path,
			answer.status, answer.content_type);
	return json_parse(answer.body, answer.length, ANSWER_MAX, ret, err) ||
	       err_wrap(err, "%s", path);
}

bool gate_health(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(json_release_auto) json_t *root = NULL;

	if (!get_json(asking, "/health", &root, err))
		return false;
	if (!json_flag(root, "status", false))
		return err_fail(err, ERR_VERIFY, "/health does not say {\"status\":true}");
	*ret_saw = str_dup("{\"status\":true}");
	return true;
}

bool gate_ready(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(json_release_auto) json_t *root = NULL;

	if (!get(asking, "/ready", &answer, err))
		return false;
	if (!is_json(&answer) || answer.status == 404) {
		*ret_saw = str_dup("this release has no /ready");
		return true;
	}
	if (!json_parse(answer.body, answer.length, ANSWER_MAX, &root, err))
		return err_wrap(err, "%s", "/ready");
	if (answer.status != 200 || !json_flag(root, "status", true)) {
		const char *detail = json_str(root, "detail");

		return err_fail(err, ERR_VERIFY, "/ready answers %d: %s", answer.status,
			detail ? detail : "not ready");
	}
	*ret_saw = str_dup("ready");
	return true;
}

bool gate_version(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(json_release_auto) json_t *root = NULL;
	const char *wanted = asking->spec->release->version, *version;

	if (!get_json(asking, "/api/version", &root, err))
		return false;
	version = json_str(root, "version");
	if (!str_is(version, wanted))
		return err_fail(err, ERR_VERIFY, "/api/version says '%s' instead of '%s'",
			version ? version : "", wanted);
	*ret_saw = str_dup(version);
	return true;
}

/* True means that there is no user: an empty or a wrong database. */
bool gate_onboarding(const Asking *asking, char **ret_saw, Err *err)
{
	AUTO(json_release_auto) json_t *root = NULL;
	bool onboarding;

	if (!get_json(asking, "/api/config", &root, err))
		return false;
	onboarding = json_flag(root, "onboarding", false);
	if (onboarding && asking->spec->had_users)
		return err_fail(err, ERR_VERIFY,
			"/api/config asks for a first user: the server sees an empty database");
	*ret_saw = str_dup(onboarding ? "no users, as before" : "there are users");
	return true;
}
