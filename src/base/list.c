#include "base/list.h"

#include <string.h>

#include "base/mem.h"

/* Takes `item` over. */
static void append(StrList *list, char *item)
{
	if (list->len + 2 > list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 8;
		list->items = mem_resize(list->items, list->capacity, sizeof(*list->items));
	}
	list->items[list->len++] = item;
	list->items[list->len] = NULL;
}

void strlist_add(StrList *list, const char *item)
{
	append(list, str_dup(item ? item : ""));
}

void strlist_addf(StrList *list, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append(list, str_format_v(fmt, args));
	va_end(args);
}

void strlist_add_all(StrList *list, const StrList *more)
{
	for (size_t i = 0, len = more->len; i < len; i++)
		strlist_add(list, more->items[i]);
}

void strlist_add_array(StrList *list, const char *const *items)
{
	for (size_t i = 0; items && items[i]; i++)
		strlist_add(list, items[i]);
}

bool strlist_has(const StrList *list, const char *item)
{
	for (size_t i = 0; i < list->len; i++) {
		if (strcmp(list->items[i], item) == 0)
			return true;
	}
	return false;
}

void strlist_remove(StrList *list, size_t index)
{
	if (index >= list->len)
		return;
	free(list->items[index]);
	memmove(list->items + index, list->items + index + 1,
		(list->len - index) * sizeof(*list->items));
	list->len--;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(StrList *list)
{
	if (list->len > 1)
		qsort(list->items, list->len, sizeof(*list->items), compare);
}

void strlist_split(StrList *list, const char *text, const char *separators)
{
	for (const char *rest = text; rest && *rest;) {
		size_t len = strcspn(rest, separators);

		if (len)
			append(list, str_dup_n(rest, len));
		rest += len;
		rest += strspn(rest, separators);
	}
}

char *strlist_join(const StrList *list, const char *separator)
{
	size_t separator_len = strlen(separator);
	size_t len = 1;
	char *joined, *end;

	for (size_t i = 0; i < list->len; i++)
		len += strlen(list->items[i]) + separator_len;
	joined = end = mem_new(len, 1);
	for (size_t i = 0; i < list->len; i++) {
		if (i > 0)
			end = stpcpy(end, separator);
		end = stpcpy(end, list->items[i]);
	}
	return joined;
}

void strlist_clear(StrList *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (StrList){0};
}

const char *const *strlist_argv(const StrList *list)
{
	static const char *const none[] = {NULL};

	return list->items ? (const char *const *)list->items : none;
}

static bool is_variable(const char *entry, const char *name, size_t name_len)
{
	return strncmp(entry, name, name_len) == 0 && entry[name_len] == '=';
}

const char *env_get(const StrList *env, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t i = 0; i < env->len; i++) {
		if (is_variable(env->items[i], name, name_len))
			return env->items[i] + name_len + 1;
	}
	return NULL;
}

void env_set(StrList *env, const char *name, const char *value)
{
	size_t name_len = strlen(name);
	char *entry = str_format("%s=%s", name, value);

	for (size_t i = 0; i < env->len; i++) {
		if (is_variable(env->items[i], name, name_len)) {
			free(env->items[i]);
			env->items[i] = entry;
			return;
		}
	}
	append(env, entry);
}

void env_unset(StrList *env, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t i = env->len; i > 0; i--) {
		if (is_variable(env->items[i - 1], name, name_len))
			strlist_remove(env, i - 1);
	}
}
