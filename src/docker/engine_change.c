#include "docker/engine_change.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "docker/engine_ask.h"

enum { CHANGE_MS = 120000, TAR_BLOCK = 512 };

static bool is_good(int status)
{
	return status >= 200 && status < 300;
}

/* `also`: a status that means that it was done before; 0: none. */
static bool change(const char *method, const char *path, const json_t *json, int also, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	const EngineCall call = {
		.method = method, .path = path, .json = json, .timeout_ms = CHANGE_MS};

	if (!engine_send(&call, &answer, err))
		return false;
	return is_good(answer.status) || (also && answer.status == also) ||
	       engine_said_no(&answer, err);
}

bool docker_create(const char *name, const json_t *config, char **ret_id, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/create?name=%s", name);
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(json_release_auto) json_t *body = NULL;
	const EngineCall call = {
		.method = "POST", .path = path, .json = config, .timeout_ms = CHANGE_MS};

	if (!engine_is_name(name))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", name);
	if (!engine_send(&call, &answer, err))
		return false;
	if (!is_good(answer.status)) {
		engine_said_no(&answer, err);
		if (answer.status == 404 || answer.status == 409)
			err->kind = ERR_REFUSED;
		return err_wrap(err, "making container '%s'", name);
	}
	if (!json_parse(answer.body, answer.length, answer.length + 1, &body, err))
		return err_wrap(err, "the Docker engine's answer");
	*ret_id = str_dup(json_str(body, "Id"));
	return *ret_id || err_fail(err, ERR_NETWORK,
				  "the Docker engine made a container and does not say which");
}

bool docker_connect(const char *network, const char *id, const json_t *endpoint, Err *err)
{
	AUTO(free_auto) char *quoted = engine_quote(network);
	AUTO(free_auto) char *path = str_format("/networks/%s/connect", quoted);
	AUTO(json_release_auto)
	json_t *body = json_pack("{s:s, s:O}", "Container", id, "EndpointConfig", endpoint);

	return change("POST", path, body, 0, err) ||
	       err_wrap(err, "connecting the container with network '%s'", network);
}

bool docker_start(const char *id, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/%s/start", id);

	return change("POST", path, NULL, 304, err);
}

bool docker_stop(const char *id, int64_t term_ms, Err *err)
{
	AUTO(free_auto)
	char *path = str_format("/containers/%s/stop?t=%lld", id, whole_seconds(term_ms));
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	const EngineCall call = {.method = "POST", .path = path, .timeout_ms = CHANGE_MS + term_ms};

	if (!engine_send(&call, &answer, err))
		return false;
	return is_good(answer.status) || answer.status == 304 || answer.status == 404 ||
	       engine_said_no(&answer, err);
}

bool docker_remove(const char *id, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/%s?force=1", id);

	return change("DELETE", path, NULL, 404, err);
}

bool docker_rename(const char *id, const char *name, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/%s/rename?name=%s", id, name);

	if (!engine_is_name(name))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", name);
	return change("POST", path, NULL, 0, err) ||
	       err_wrap(err, "renaming a container to '%s'", name);
}

bool docker_set_restart(const char *id, const json_t *policy, Err *err)
{
	AUTO(free_auto) char *path = str_format("/containers/%s/update", id);
	AUTO(json_release_auto) json_t *body = json_pack("{s:O}", "RestartPolicy", policy);

	return change("POST", path, body, 0, err) ||
	       err_wrap(err, "changing the restart policy of a container");
}

/* ---- a file ---- */

/* Numbers in a tar header are octal digits; the checksum counts its own field as spaces. */
static void put_header(char *block, const FileInside *file, const char *name)
{
	unsigned sum = 0;

	snprintf(block, 100, "%s", name);
	snprintf(block + 100, 8, "%07o", (unsigned)file->mode & 07777);
	snprintf(block + 108, 8, "%07o", (unsigned)file->uid & 07777777);
	snprintf(block + 116, 8, "%07o", (unsigned)file->gid & 07777777);
	snprintf(block + 124, 12, "%011o", (unsigned)strlen(file->text) & 07777777777);
	snprintf(block + 136, 12, "%011o", 0U);
	block[156] = '0';
	memcpy(block + 257, "ustar", sizeof "ustar");
	block[263] = block[264] = '0';
	memset(block + 148, ' ', 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
}

bool docker_write_file(const char *id, const FileInside *file, Err *err)
{
	const char *name = strrchr(file->path, '/');
	const size_t size = strlen(file->text);
	const size_t length = TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK +
			      (size_t)2 * TAR_BLOCK;
	AUTO(free_auto) char *tar = mem_new(1, length);
	AUTO(free_auto) char *folder = NULL;
	AUTO(free_auto) char *path = NULL;
	AUTO(http_answer_clear) HttpAnswer answer = {0};

	if (!name || strlen(name + 1) > 99)
		return err_fail(err, ERR_INTERNAL, "'%s' is no path in a container", file->path);
	AUTO(free_auto) char *dir = str_dup_n(file->path, (size_t)(name - file->path));
	folder = engine_quote(*dir ? dir : "/");
	path = str_format("/containers/%s/archive?path=%s", id, folder);
	put_header(tar, file, name + 1);
	for (size_t i = 0; i < size; i++)
		tar[TAR_BLOCK + i] = file->text[i];
	const EngineCall call = {.method = "PUT",
		.path = path,
		.bytes = tar,
		.length = length,
		.content_type = "application/x-tar",
		.timeout_ms = CHANGE_MS};

	if (!engine_send(&call, &answer, err))
		return false;
	if (!is_good(answer.status)) {
		engine_said_no(&answer, err);
		return err_wrap(err, "writing '%s' in the container", file->path);
	}
	return true;
}
