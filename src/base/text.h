/* text.h - a growing string with a mandatory ceiling, and small string questions.
 *
 *     AUTO(text_clear) Text out = TEXT_INIT(64 * 1024);
 *     text_addf(&out, "%s\n", line);
 *     return text_take(&out);
 *
 * What does not fit under the ceiling is left out and `truncated` says so. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

typedef struct Text {
	char *data; /* NUL-terminated once anything was added, else NULL */
	size_t len;
	size_t capacity;
	size_t max;
	bool truncated;
} Text;

#define TEXT_INIT(ceiling)                                                                         \
	{                                                                                          \
		.max = (ceiling)                                                                   \
	}

void text_add(Text *text, const char *more);
void text_add_bytes(Text *text, const char *bytes, size_t len);
void text_addf(Text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_addv(Text *text, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
char *text_take(Text *text); /* never NULL; the Text is empty afterwards */
void text_clear(Text *text);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_is(const char *a, const char *b); /* equal; two NULLs are equal */
bool str_empty(const char *text);          /* NULL or "" */
/* START cut so that START TAIL has at most `max` bytes, at the border of a UTF-8 character; TAIL is
 * whole. Caller frees. */
char *str_with_tail(const char *start, const char *tail, size_t max);
char *str_trim(char *text); /* in place; returns the first non-space */
/* 'nearest' for "did you mean": the candidate with the smallest edit distance, or NULL if none is
 * near. candidates is NULL-terminated. */
const char *str_nearest(const char *word, const char *const *candidates);
/* "1.4 GB", "312 KB"; decimal units. Static buffers in rotation, good for one message. */
const char *str_bytes(unsigned long long bytes);
/* "9.4 s", "2 min 05 s", "1 h 02 min", in the language of the screen: for tables and reports.
 * Likewise. */
const char *str_duration(long long ms);
/* For texts of errors and events, which are made in two languages from the same values: the unit
 * belongs to the text, "%lld s". Rounded up. */
long long whole_seconds(long long ms);
