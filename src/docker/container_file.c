/* A file out of a container, through the engine's archive call: an answer in tar form. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "docker/engine_ask.h"

/* Of a tar header (POSIX.1-1988); two blocks are what Go puts before a file with a long name. */
enum { BLOCK = 512, AT_SIZE = 124, SIZE_LENGTH = 12, AT_TYPE = 156, BLOCKS_MAX = 16 };

static size_t size_of(const char *header)
{
	char digits[SIZE_LENGTH + 1] = "";

	memcpy(digits, header + AT_SIZE, SIZE_LENGTH);
	return strtoull(digits, NULL, 8);
}

/* The first regular file; headers of other kinds (links, extended names) are passed over. */
static bool file_of_tar(const HttpAnswer *tar, const char *path, char **ret, Err *err)
{
	size_t at = 0;

	for (int i = 0; i < BLOCKS_MAX && at + BLOCK <= tar->length && tar->body[at]; i++) {
		const char type = tar->body[at + AT_TYPE];
		const size_t size = size_of(tar->body + at);

		at += BLOCK;
		if (size > tar->length - at)
			break;
		if (type == '0' || type == '\0') {
			*ret = str_dup_n(tar->body + at, size);
			return true;
		}
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
		if (at > tar->length)
			break;
	}
	return err_fail(err, ERR_VERIFY, "'%s' in the container is no regular file", path);
}

bool docker_read_file(
	const char *container, const char *path, size_t max_bytes, char **ret, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(free_auto) char *quoted = engine_quote(path);
	AUTO(free_auto)
	char *url = str_format("/containers/%s/archive?path=%s", container, quoted);

	if (!engine_is_name(container))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", container);
	if (!engine_get(url, max_bytes + BLOCKS_MAX * BLOCK, &answer, err))
		return err_wrap(err, "reading '%s' in container '%s'", path, container);
	if (answer.status == 404) {
		*ret = NULL;
		return true;
	}
	if (answer.status != 200)
		return engine_said_no(&answer, err);
	return file_of_tar(&answer, path, ret, err);
}
