#include "config/ini_file.h"

#include <ini.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

typedef struct Walk {
	const char *rest;
	const char *file;
	char *line; /* the current one, whole */
	int number;
	bool (*each)(void *arg, const char *section, const char *name, const char *value, int line,
		Err *err);
	void *arg;
	Err *err;
	bool failed;
} Walk;

/* libinih's buffer ends at 200 bytes as it is usually built: it sees the beginning of a line, which
 * is enough for section and name; the value is taken from our own copy. */
static char *next_line(char *buffer, int size, void *arg)
{
	Walk *walk = arg;
	size_t len = strcspn(walk->rest, "\n");
	size_t shown = len;

	if (!*walk->rest || walk->failed)
		return NULL;
	free(walk->line);
	walk->line = str_dup_n(walk->rest, len);
	walk->number++;
	walk->rest += len + (walk->rest[len] == '\n');
	if (shown > (size_t)size - 2)
		shown = (size_t)size - 2;
	memcpy(buffer, walk->line, shown);
	memcpy(buffer + shown, "\n", 2);
	return buffer;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	Walk *walk = arg;
	char *equals = strpbrk(walk->line, "=:");

	(void)value;
	if (walk->failed)
		return 0;
	if (!equals || walk->line[0] == ' ' || walk->line[0] == '\t') {
		walk->failed = true;
		err_fail(walk->err, ERR_CONFIG, "a key must begin its line");
		err_wrap(walk->err, "%s:%d", walk->file, walk->number);
		return 0;
	}
	if (!walk->each(walk->arg, section, name, str_trim(equals + 1), walk->number, walk->err)) {
		walk->failed = true;
		err_wrap(walk->err, "%s:%d", walk->file, walk->number);
	}
	return !walk->failed;
}

bool ini_walk(const char *text, const char *file,
	bool (*each)(void *arg, const char *section, const char *name, const char *value, int line,
		Err *err),
	void *arg, Err *err)
{
	Walk walk = {.rest = text, .file = file, .each = each, .arg = arg, .err = err};
	int line = ini_parse_stream(next_line, &walk, on_key, &walk);

	free(walk.line);
	if (walk.failed)
		return false;
	if (line) {
		err_fail(err, ERR_CONFIG, "neither a [section] nor a key with a value");
		return err_wrap(err, "%s:%d", file, line);
	}
	return true;
}
