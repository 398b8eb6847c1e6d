/* log_tail.h - the last words of a server's log, for messages. */
#pragma once
#include <stdint.h>

#include "base/list.h"

int64_t log_size(const char *path); /* 0 when there is none, or path is NULL */
/* The lines written after `from` (a size seen before; more if the file shrank), the last `max` of
 * them, at most 256 KiB back, masked, without control characters, empty ones left out. */
void log_lines_since(const char *path, int64_t from, size_t max, StrList *ret);
/* The same as one text, " | " between the lines, without drawn frames; "" when there are none.
 * Caller frees. */
char *log_words_since(const char *path, int64_t from, size_t max);
