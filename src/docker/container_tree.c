/* A folder out of a container, through the engine's archive call: an answer in tar form, whose
 * names are the container's and not to be trusted. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "docker/engine_api.h"
#include "docker/engine_ask.h"
#include "os/file.h"

/* Of a tar header (POSIX.1-1988). */
enum { BLOCK = 512, NAME_LENGTH = 100, AT_SIZE = 124, SIZE_LENGTH = 12, AT_TYPE = 156 };
enum { AT_PREFIX = 345, PREFIX_LENGTH = 155, FILES_MAX = 5000 };

static size_t size_of(const char *header)
{
	char digits[SIZE_LENGTH + 1] = "";

	memcpy(digits, header + AT_SIZE, SIZE_LENGTH);
	return strtoull(digits, NULL, 8);
}

static char *name_of(const char *header)
{
	AUTO(free_auto) char *name = str_dup_n(header, strnlen(header, NAME_LENGTH));
	AUTO(free_auto)
	char *prefix = str_dup_n(header + AT_PREFIX, strnlen(header + AT_PREFIX, PREFIX_LENGTH));

	if (memcmp(header + 257, "ustar", 5) != 0 || str_empty(prefix))
		return TAKE(name);
	return path_join(prefix, name);
}

/* What follows the name of the folder that was asked for; NULL for a name that leads elsewhere. */
static const char *below_root(const char *name)
{
	const char *slash = strchr(name, '/');

	if (!slash || !slash[1] || name[0] == '/' || strstr(name, "..") || strstr(name, "//"))
		return NULL;
	return slash + 1;
}

static bool write_file(const char *to, const char *name, const char *data, size_t size, Err *err)
{
	AUTO(free_auto) char *path = path_join(to, name);
	AUTO(free_auto) char *folder = path_folder(path);

	return dir_make(folder, 0755, err) && file_write(path, data, size, 0644, err);
}

static bool unpack(const HttpAnswer *tar, const char *to, Err *err)
{
	AUTO(free_auto) char *long_name = NULL;
	size_t at = 0;

	for (int i = 0; i < FILES_MAX && at + BLOCK <= tar->length && tar->body[at]; i++) {
		const char *header = tar->body + at;
		const char type = header[AT_TYPE];
		const size_t size = size_of(header);
		AUTO(free_auto) char *name = long_name ? TAKE(long_name) : name_of(header);
		const char *below = below_root(name);

		at += BLOCK;
		if (size > tar->length - at)
			return err_fail(err, ERR_VERIFY, "an archive of the engine is cut short");
		if (type == 'L')
			long_name = str_dup_n(tar->body + at, strnlen(tar->body + at, size));
		else if ((type == '0' || type == '\0') && below &&
			 !write_file(to, below, tar->body + at, size, err))
			return false;
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
		if (at > tar->length)
			break;
	}
	return true;
}

bool docker_read_tree(const char *container, const char *path, const char *to, size_t max_bytes,
	bool *ret_found, Err *err)
{
	AUTO(http_answer_clear) HttpAnswer answer = {0};
	AUTO(free_auto) char *quoted = engine_quote(path);
	AUTO(free_auto)
	char *url = str_format("/containers/%s/archive?path=%s", container, quoted);

	*ret_found = false;
	if (!engine_is_name(container))
		return err_fail(err, ERR_VERIFY, "'%s' is no name of a container", container);
	if (!engine_get(url, max_bytes, &answer, err))
		return err_wrap(err, "reading '%s' in container '%s'", path, container);
	if (answer.status == 404)
		return true;
	if (answer.status != 200)
		return engine_said_no(&answer, err);
	*ret_found = true;
	return dir_make(to, 0755, err) && unpack(&answer, to, err);
}
