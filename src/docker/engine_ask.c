#include "docker/engine_ask.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_address.h"
#include "docker/engine_api.h"
#include "os/file.h"
#include "os/proc.h"

enum { ASK_MS = 10000, ANSWER_MAX = 16 << 20, REASON_MAX = 300 };

static bool check_socket(const char *socket, Err *err)
{
	if (!socket || access(socket, R_OK | W_OK) == 0)
		return true;
	if (errno != EACCES) {
		err_fail(err, ERR_NETWORK, "no Docker engine answers at '%s': %s", socket,
			strerror(errno));
		return err_hint(err, "systemctl start docker");
	}
	err_fail(err, ERR_REFUSED, "the Docker socket '%s' may not be used by this user", socket);
	return err_hint(err, "sudo usermod -aG docker $USER, and log in again");
}

static bool ask(HttpRequest request, const char *path, HttpAnswer *ret, Err *err)
{
	AUTO(engine_address_clear) EngineAddress address = {0};
	AUTO(free_auto) char *url = NULL;

	if (!engine_address(&address, err) || !check_socket(address.socket, err))
		return false;
	url = str_format("%s%s", address.base, path);
	request.url = url;
	request.unix_socket = address.socket;
	request.certs = address.certs;
	return http_ask(&request, ret, err) || err_wrap(err, "asking the Docker engine");
}

bool engine_get(const char *path, size_t max_bytes, HttpAnswer *ret, Err *err)
{
	const HttpRequest request = {.timeout_ms = ASK_MS, .max_bytes = max_bytes};

	return ask(request, path, ret, err);
}

bool engine_send(const EngineCall *call, HttpAnswer *ret, Err *err)
{
	AUTO(free_auto) char *json = call->json ? json_line(call->json) : NULL;
	AUTO(free_auto)
	char *type = str_format("Content-Type: %s", json ? "application/json" : call->content_type);
	/* An empty body, so that curl sends the length 0 that the engine wants to see. */
	const HttpRequest request = {.method = call->method,
		.body = json          ? json
			: call->bytes ? call->bytes
				      : "",
		.body_length = json ? 0 : call->length,
		.headers = ARGV(json || call->bytes ? type : "Expect:", "Expect:"),
		.timeout_ms = call->timeout_ms,
		.max_bytes = ANSWER_MAX};

	return ask(request, call->path, ret, err);
}

char *engine_quote(const char *text)
{
	AUTO(text_clear) Text out = TEXT_INIT(16384);

	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		text_addf(&out, isalnum(*c) || strchr("/._-", *c) ? "%c" : "%%%02X", *c);
	return text_take(&out);
}

static char *reason(const HttpAnswer *answer)
{
	AUTO(json_release_auto) json_t *body = NULL;
	AUTO(err_clear) Err ignored = {0};
	const char *message = NULL;

	if (json_parse(answer->body, answer->length, ANSWER_MAX, &body, &ignored))
		message = json_str(body, "message");
	return str_format("%.*s", REASON_MAX, message ? message : answer->body);
}

bool engine_said_no(const HttpAnswer *answer, Err *err)
{
	AUTO(free_auto) char *why = reason(answer);

	return err_fail(err, strstr(why, "no space left on device") ? ERR_NO_SPACE : ERR_NETWORK,
		"the Docker engine answered %d: %s", answer->status, why);
}

bool engine_ask(const char *path, json_t **ret, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};

	if (!engine_get(path, ANSWER_MAX, &answer, err))
		return false;
	if (answer.status == 404) {
		*ret = NULL;
		return true;
	}
	if (answer.status != 200)
		return engine_said_no(&answer, err);
	return json_parse(answer.body, answer.length, ANSWER_MAX, ret, err) ||
	       err_wrap(err, "the Docker engine's answer");
}

bool engine_is_name(const char *name)
{
	return !str_empty(name) && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(name);
}

static bool asks_podman(const json_t *version)
{
	size_t index;
	json_t *part;

	json_array_foreach(json_object_get(version, "Components"), index, part)
	{
		const char *name = json_str(part, "Name");

		if (name && str_starts(name, "Podman"))
			return true;
	}
	return false;
}

static bool ask_version(json_t **ret, Err *err)
{
	if (!engine_ask("/version", ret, err))
		return false;
	return json_str(*ret, "ApiVersion") ||
	       err_fail(err, ERR_NETWORK, "what answers at the Docker socket is no Docker engine");
}

bool docker_ping(Err *err)
{
	AUTO(json_release_auto) json_t *version = NULL;

	return ask_version(&version, err);
}

static bool has_option(const json_t *info, const char *name)
{
	size_t index;
	json_t *option;

	json_array_foreach(json_object_get(info, "SecurityOptions"), index, option)
	{
		if (json_is_string(option) && strstr(json_string_value(option), name))
			return true;
	}
	return false;
}

bool docker_is_ordinary(Err *err)
{
	AUTO(json_release_auto) json_t *version = NULL;
	AUTO(json_release_auto) json_t *info = NULL;
	AUTO(engine_address_clear) EngineAddress address = {0};

	if (!engine_address(&address, err) || !ask_version(&version, err))
		return false;
	if (asks_podman(version))
		return err_fail(err, ERR_REFUSED,
			"Podman answers at '%s', which is not handled: only Docker Engine is",
			address.host);
	if (!engine_ask("/info", &info, err))
		return false;
	if (has_option(info, "name=rootless"))
		return err_fail(err, ERR_REFUSED,
			"the Docker engine at '%s' is rootless, which is not handled: its containers "
			"cannot be reached from this machine's network",
			address.host);
	if (has_option(info, "name=userns"))
		return err_fail(err, ERR_REFUSED,
			"the Docker engine at '%s' gives its containers users of their own "
			"(userns-remap), which is not handled: they cannot read what belay makes for "
			"them",
			address.host);
	return true;
}

/* The engine mounts files of the container's own folder, which is called by its id, into it. */
static bool runs_here(const Container *container)
{
	AUTO(free_auto)
	char *path = str_format("/proc/%d/mountinfo", (int)container->pid);
	AUTO(free_auto) char *mounts = NULL;
	AUTO(err_clear) Err err = {0};

	if (!file_read(path, ANSWER_MAX, &mounts, NULL, &err))
		return err.sys == EACCES; /* not told to this user */
	return strstr(mounts, container->id);
}

bool docker_is_here(const Container *container, Err *err)
{
	AUTO(engine_address_clear) EngineAddress address = {0};

	if (!container->pid || runs_here(container))
		return true;
	if (!engine_address(&address, err))
		return false;
	err_fail(err, ERR_REFUSED,
		"container '%s' of the Docker engine at '%s' does not run on this machine: process "
		"%d is not it",
		container->name, address.host, (int)container->pid);
	return err_hint(err, "run belay on the machine of the engine, without DOCKER_HOST");
}
