/* list.h - growing list of strings: argv vectors, environments ("NAME=value"), file lists.
 * `items` is always NULL-terminated once something was added, so it can be handed to exec. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct StrList {
	char **items; /* owned copies */
	size_t len;
	size_t capacity;
} StrList;

void strlist_add(StrList *list, const char *item);
void strlist_addf(StrList *list, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strlist_add_all(StrList *list, const StrList *more);
void strlist_add_array(StrList *list, const char *const *items); /* NULL-terminated */
bool strlist_has(const StrList *list, const char *item);
void strlist_remove(StrList *list, size_t index);
void strlist_sort(StrList *list);
void strlist_split(
	StrList *list, const char *text, const char *separators); /* empty parts dropped */
char *strlist_join(const StrList *list, const char *separator);
void strlist_clear(StrList *list);
const char *const *strlist_argv(const StrList *list); /* never NULL */

/* Environments. env_get returns a pointer into the list, or NULL. */
const char *env_get(const StrList *env, const char *name);
void env_set(StrList *env, const char *name, const char *value);
void env_unset(StrList *env, const char *name);
