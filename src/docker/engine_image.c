#include "docker/engine_image.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_ask.h"

enum { IMAGE_MS = 120000 };

#define ALLOWED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@"

bool docker_is_reference(const char *reference, Err *err)
{
	if (!str_empty(reference) && reference[0] != '-' && reference[0] != '/' &&
		!strstr(reference, "..") && !strstr(reference, "//") &&
		strspn(reference, ALLOWED) == strlen(reference))
		return true;
	return err_fail(err, ERR_REFUSED, "'%.200s' is no name of an image", reference);
}

static void read_list(const json_t *array, StrList *ret)
{
	size_t index;
	json_t *item;

	json_array_foreach(array, index, item)
	{
		if (json_is_string(item))
			strlist_add(ret, json_string_value(item));
	}
}

bool docker_image(const char *reference, DockerImage *ret, bool *ret_found, Err *err)
{
	AUTO(free_auto) char *path = str_format("/images/%s/json", reference);
	AUTO(json_release_auto) json_t *json = NULL;

	*ret_found = false;
	if (!docker_is_reference(reference, err) || !engine_ask(path, &json, err))
		return false;
	if (!json)
		return true;
	if (!str_starts(json_str(json, "Id") ? json_str(json, "Id") : "", "sha256:"))
		return err_fail(err, ERR_NETWORK, "the Docker engine's answer names no image");
	*ret = (DockerImage){
		.id = str_dup(json_str(json, "Id")),
		.architecture = str_dup(json_str(json, "Architecture")),
		.os = str_dup(json_str(json, "Os")),
		.config = json_incref(json_object_get(json, "Config")),
	};
	ret->dir = str_dup(json_str(ret->config, "WorkingDir"));
	read_list(json_object_get(json, "RepoTags"), &ret->tags);
	read_list(json_object_get(json, "RepoDigests"), &ret->digests);
	*ret_found = true;
	return true;
}

void docker_image_clear(DockerImage *image)
{
	free(image->id);
	free(image->architecture);
	free(image->os);
	free(image->dir);
	strlist_clear(&image->tags);
	strlist_clear(&image->digests);
	json_decref(image->config);
	*image = (DockerImage){0};
}

static bool change(const char *method, const char *path, int also, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	const EngineCall call = {.method = method, .path = path, .timeout_ms = IMAGE_MS};

	if (!engine_send(&call, &answer, err))
		return false;
	return (answer.status >= 200 && answer.status < 300) || (also && answer.status == also) ||
	       engine_said_no(&answer, err);
}

bool docker_image_tag(const char *id, const char *repository, const char *tag, Err *err)
{
	AUTO(free_auto) char *quoted = engine_quote(repository);
	AUTO(free_auto) char *path = str_format("/images/%s/tag?repo=%s&tag=%s", id, quoted, tag);

	return (docker_is_reference(id, err) && change("POST", path, 0, err)) ||
	       err_wrap(err, "naming an image '%s:%s'", repository, tag);
}

bool docker_image_untag(const char *reference, Err *err)
{
	AUTO(free_auto) char *path = str_format("/images/%s", reference);

	return docker_is_reference(reference, err) && change("DELETE", path, 404, err);
}

bool docker_platform(char **ret, Err *err)
{
	AUTO(json_release_auto) json_t *version = NULL;

	if (!engine_ask("/version", &version, err))
		return false;
	*ret = str_format("%s/%s", json_str(version, "Os") ? json_str(version, "Os") : "linux",
		json_str(version, "Arch") ? json_str(version, "Arch") : "?");
	return true;
}
