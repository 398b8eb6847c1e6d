#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

_Noreturn static void out_of_memory(void)
{
	static const char line[] = "belay: out of memory\n";

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *mem_new(size_t count, size_t size)
{
	void *fresh = calloc(count ? count : 1, size ? size : 1);

	if (!fresh)
		out_of_memory();
	return fresh;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	void *resized;

	if (size && count > SIZE_MAX / size)
		out_of_memory();
	resized = realloc(old, count && size ? count * size : 1);
	if (!resized)
		out_of_memory();
	return resized;
}

char *str_dup(const char *text)
{
	return text ? str_dup_n(text, strlen(text)) : NULL;
}

char *str_dup_n(const char *text, size_t len)
{
	char *copy;

	if (!text)
		return NULL;
	len = strnlen(text, len);
	copy = mem_new(len + 1, 1);
	memcpy(copy, text, len);
	return copy;
}

char *str_format(const char *fmt, ...)
{
	va_list args;
	char *made;

	va_start(args, fmt);
	made = str_format_v(fmt, args);
	va_end(args);
	return made;
}

char *str_format_v(const char *fmt, va_list args)
{
	char *made = NULL;

	if (vasprintf(&made, fmt, args) < 0)
		out_of_memory();
	return made;
}

void str_replace(char **slot, const char *text)
{
	char *copy = str_dup(text); /* first: text may point into the old value */

	free(*slot);
	*slot = copy;
}
