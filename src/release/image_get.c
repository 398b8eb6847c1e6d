#include "release/image_get.h"

#include <string.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "compose/compose_image.h"
#include "docker/docker_program.h"
#include "os/file.h"
#include "release/image.h"
#include "release/throwaway.h"

#define GET_MS (2LL * 3600 * 1000)
#define LOADED "Loaded image"

/* ---- names ---- */

/* Where repository and tag meet: a colon before the last slash is a port. */
static size_t repository_length(const char *reference)
{
	const size_t end = strcspn(reference, "@");

	for (size_t i = end; i > 0 && reference[i - 1] != '/'; i--)
		if (reference[i - 1] == ':')
			return i - 1;
	return end;
}

char *image_with_tag(const char *reference, const char *tag)
{
	return str_format("%.*s:%s", (int)repository_length(reference), reference, tag);
}

char *image_tag_of(const char *reference)
{
	const size_t end = strcspn(reference, "@"), len = repository_length(reference);

	return len < end ? str_dup_n(reference + len + 1, end - len - 1) : NULL;
}

static bool is_id(const char *reference)
{
	return str_starts(reference, "sha256:") ||
	       (strlen(reference) >= 12 &&
		       strspn(reference, "0123456789abcdef") == strlen(reference));
}

bool image_reference_for(const Site *site, const char *version, char **ret, Err *err)
{
	AUTO(json_release_auto) json_t *inspected = NULL;
	AUTO(container_clear) Container container = {0};
	AUTO(free_auto) char *now = NULL;
	AUTO(free_auto) char *tag = NULL;

	/* Also while a run has set it aside. */
	if (!site_container_json(site, &inspected, err) ||
		!docker_read_inspected(inspected, &container, err))
		return false;
	if (is_id(container.image)) {
		err_fail(err, ERR_REFUSED,
			"container '%s' was made from an image without a name, '%s': belay cannot "
			"tell which image its next version is",
			container.name, container.image);
		return err_hint(err, "docker tag %s REPOSITORY:TAG, and make the container of that",
			container.image);
	}
	now = image_tag_of(container.image);
	tag = compose_tag_for(now, version);
	*ret = image_with_tag(container.image, tag);
	return docker_is_reference(*ret, err);
}

/* ---- getting ---- */

static void on_line(void *arg, bool is_stderr, const char *line)
{
	if (!is_stderr)
		event_progress("build-release", 0, 0, "image '%s': %s", (const char *)arg, line);
}

static bool explain(const char *reference, const char *said, Err *err)
{
	AUTO(free_auto) char *copy = str_dup(said ? said : "");
	const char *words = str_trim(copy);

	if (strstr(words, "no space left on device"))
		return err_fail(err, ERR_NO_SPACE, "image '%s': %s", reference, words);
	if (strstr(words, "no matching manifest"))
		return err_fail(err, ERR_REFUSED,
			"image '%s' is not made for this kind of machine: %s", reference, words);
	if (strstr(words, "manifest unknown") || strstr(words, "not found") ||
		strstr(words, "does not exist") || strstr(words, "denied")) {
		err_fail(err, ERR_REFUSED, "there is no image '%s': %s", reference, words);
		return err_hint(err,
			"docker pull %s shows the same; a file from `docker save` is taken with "
			"--image-file FILE",
			reference);
	}
	err_fail(err, ERR_NETWORK, "image '%s' cannot be pulled: %s", reference, words);
	return err_hint(err, "on a closed network: docker save elsewhere, then --image-file FILE");
}

static bool run(const char *const *words, const char *reference, ProcResult *ret, Err *err)
{
	AUTO(free_auto) char *program = NULL;
	AUTO(strlist_clear) StrList argv = {0};
	AUTO(strlist_clear) StrList env = {0};

	if (!docker_program(&program, err))
		return false;
	strlist_add(&argv, program);
	strlist_add_array(&argv, words);
	docker_program_env(&env);
	const ProcSpec spec = {.argv = strlist_argv(&argv),
		.env = strlist_argv(&env),
		.on_line = on_line,
		.arg = (void *)reference,
		.timeout_ms = GET_MS,
		.exit_is_answer = true};

	return FAULT(err, "image-get") && proc_run(&spec, ret, err);
}

static bool pull(const char *reference, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};

	if (!run(ARGV("pull", reference), reference, &result, err))
		return false;
	return result.exit_code == 0 || explain(reference, result.err_tail, err);
}

/* "Loaded image: repo:tag", "Loaded image ID: sha256:…": the last one, in a buffer of its own. */
static char *loaded_name(const char *said)
{
	char *name = NULL;

	for (const char *at = strstr(said, LOADED); at; at = strstr(at + 1, LOADED)) {
		const char *colon = strstr(at, ": ");

		free(name);
		name = colon ? str_dup_n(colon + 2, strcspn(colon + 2, "\r\n")) : NULL;
	}
	return name;
}

static bool load(const char *file, const char *reference, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(docker_image_clear) DockerImage image = {0};
	AUTO(free_auto) char *name = NULL;
	AUTO(free_auto) char *tag = image_tag_of(reference);
	AUTO(free_auto)
	char *repository = str_dup_n(reference, repository_length(reference));
	bool found;

	if (!run(ARGV("load", "--input", file), reference, &result, err))
		return false;
	name = result.exit_code == 0 ? loaded_name(result.out) : NULL;
	if (!name) {
		AUTO(free_auto) char *copy = str_dup(result.err_tail ? result.err_tail : "");

		return err_fail(err,
			strstr(copy, "no space left on device") ? ERR_NO_SPACE : ERR_REFUSED,
			"'%s' holds no image: %s", file, str_trim(copy));
	}
	if (!docker_image(name, &image, &found, err))
		return false;
	if (!found)
		return err_fail(err, ERR_VERIFY, "image '%s' of '%s' is not there", name, file);
	return str_is(name, reference) || docker_image_tag(image.id, repository, tag, err);
}

bool image_get(const Site *site, const char *reference, DockerImage *ret, Err *err)
{
	bool found;

	if (!docker_image(reference, ret, &found, err) || found)
		return found;
	event_progress("build-release", 0, 0, "getting image '%s'", reference);
	if (!(site->image_file ? load(site->image_file, reference, err) : pull(reference, err)) ||
		!docker_image(reference, ret, &found, err))
		return false;
	return found || err_fail(err, ERR_VERIFY, "image '%s' is not there", reference);
}
