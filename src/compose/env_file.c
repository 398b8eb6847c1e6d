#include "compose/env_file.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define BLANKS       " \t"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static void add(EnvFile *file, const char *name, size_t name_len, const char *value,
	size_t value_len, size_t at)
{
	EnvValue item = {
		.name = str_dup_n(name, name_len),
		.value = str_dup_n(value, value_len),
		.at = at,
		.verbatim = !memchr(value, '$', value_len) && !memchr(value, '\\', value_len),
	};

	file->items = mem_resize(file->items, file->len + 1, sizeof(EnvValue));
	file->items[file->len++] = item;
}

/* A '#' begins a comment after a blank only; blanks at the end are no part of the value. */
static size_t plain_length(const char *value)
{
	size_t len = strcspn(value, "\r\n");

	for (size_t i = 0; i < len; i++)
		if (value[i] == '#' && (i == 0 || strchr(BLANKS, value[i - 1])))
			len = i;
	while (len && strchr(BLANKS, value[len - 1]))
		len--;
	return len;
}

static void read_line(const char *text, const char *line, EnvFile *ret)
{
	const char *name = line + strspn(line, BLANKS);
	const char *value;
	size_t name_len;

	if (str_starts(name, "export") && strchr(BLANKS, name[6]))
		name += 6 + strspn(name + 6, BLANKS);
	name_len = strspn(name, NAME_LETTERS);
	value = name + name_len + strspn(name + name_len, BLANKS);
	if (!name_len || (*value != '=' && *value != ':'))
		return;
	value += 1 + strspn(value + 1, BLANKS);
	if (*value == '"' || *value == '\'') {
		const char *end = strchr(value + 1, *value);

		if (end)
			add(ret, name, name_len, value + 1, (size_t)(end - value - 1),
				(size_t)(value + 1 - text));
		return;
	}
	add(ret, name, name_len, value, plain_length(value), (size_t)(value - text));
}

void env_file_parse(const char *text, EnvFile *ret)
{
	const char *line = text;

	if (str_starts(line, "\xEF\xBB\xBF"))
		line += 3;
	while (*line) {
		read_line(text, line, ret);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

const EnvValue *env_file_get(const EnvFile *file, const char *name)
{
	for (size_t i = file->len; i-- > 0;)
		if (str_is(file->items[i].name, name))
			return &file->items[i];
	return NULL;
}

void env_file_clear(EnvFile *file)
{
	for (size_t i = 0; i < file->len; i++) {
		free(file->items[i].name);
		free(file->items[i].value);
	}
	free(file->items);
	*file = (EnvFile){0};
}
