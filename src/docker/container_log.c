/* The last lines that a container wrote. Without a terminal they come in frames: which stream, how
 * many bytes, the bytes. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "docker/engine_ask.h"

enum { HEADER = 8, LOG_BYTES_MAX = 1 << 20, KEPT_MAX = 8192 };

static size_t frame_length(const unsigned char *header)
{
	return (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 |
	       header[7];
}

static bool is_framed(const HttpAnswer *answer)
{
	const char *bytes = answer->body;

	return answer->length >= HEADER && (bytes[0] == 1 || bytes[0] == 2) && !bytes[1] &&
	       !bytes[2] && !bytes[3];
}

static char *unframed(const HttpAnswer *answer)
{
	AUTO(text_clear) Text out = TEXT_INIT(KEPT_MAX);
	size_t at = 0;

	if (!is_framed(answer))
		return str_dup_n(
			answer->body, answer->length < KEPT_MAX ? answer->length : KEPT_MAX);
	while (at + HEADER <= answer->length) {
		size_t len = frame_length((const unsigned char *)answer->body + at);

		at += HEADER;
		if (len > answer->length - at)
			len = answer->length - at;
		text_add_bytes(&out, answer->body + at, len);
		at += len;
	}
	return text_take(&out);
}

bool docker_log_tail(const char *container, int lines, char **ret, Err *err)
{
	AUTO(free_auto)
	char *path = str_format("/containers/%s/logs?stdout=1&stderr=1&tail=%d", container, lines);
	AUTO(http_answer_clear) HttpAnswer answer = {0};

	if (!engine_is_name(container))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", container);
	if (!engine_get(path, LOG_BYTES_MAX, &answer, err))
		return false;
	if (answer.status != 200)
		return engine_said_no(&answer, err);
	*ret = unframed(&answer);
	return true;
}
