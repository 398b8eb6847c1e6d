/* mem.h - allocation that cannot fail: when memory is gone, one line is written and the process
 * ends. The journal makes "ended here" a tested case, so nothing else handles it. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "base/cleanup.h"

void *mem_new(size_t count, size_t size);               /* zeroed */
void *mem_resize(void *old, size_t count, size_t size); /* overflow-checked */
char *str_dup(const char *text);                        /* NULL stays NULL */
char *str_dup_n(const char *text, size_t len);
char *str_format(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *str_format_v(const char *fmt, va_list args) PRINTF_LIKE(1, 0);
/* Replaces *slot (freed) by a copy of text, or NULL. */
void str_replace(char **slot, const char *text);

#define NEW(type) ((type *)mem_new(1, sizeof(type)))
