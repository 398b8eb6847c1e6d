#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"

/* Room for `more` bytes and the NUL; at least doubling keeps many small additions cheap. */
static void grow(Text *text, size_t more)
{
	size_t wanted = text->len + more + 1;

	if (wanted <= text->capacity)
		return;
	if (wanted < text->capacity * 2)
		wanted = text->capacity * 2;
	if (wanted < 64)
		wanted = 64;
	text->data = mem_resize(text->data, wanted, 1);
	text->capacity = wanted;
}

/* A cut inside a UTF-8 character would make the whole text invalid for JSON. */
static size_t cut_at_character(const char *bytes, size_t len)
{
	size_t cut = len;

	while (cut > 0 && len - cut < 4 && ((unsigned char)bytes[cut] & 0xC0) == 0x80)
		cut--;
	return ((unsigned char)bytes[cut] & 0xC0) == 0x80 ? len : cut;
}

void text_add(Text *text, const char *more)
{
	if (more)
		text_add_bytes(text, more, strlen(more));
}

void text_add_bytes(Text *text, const char *bytes, size_t len)
{
	/* Once something was left out nothing may follow: the text would have a hole. */
	if (text->truncated)
		return;
	if (len > text->max - text->len) {
		len = cut_at_character(bytes, text->max - text->len);
		text->truncated = true;
	}
	grow(text, len);
	if (len)
		memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_addf(Text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_addv(text, fmt, args);
	va_end(args);
}

void text_addv(Text *text, const char *fmt, va_list args)
{
	AUTO(free_auto) char *more = str_format_v(fmt, args);

	text_add(text, more);
}

char *text_take(Text *text)
{
	char *data = text->data ? text->data : str_dup("");

	*text = (Text){.max = text->max};
	return data;
}

void text_clear(Text *text)
{
	free(text->data);
	*text = (Text){.max = text->max};
}

bool str_starts(const char *text, const char *prefix)
{
	return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t len = text ? strlen(text) : 0;
	size_t tail = strlen(suffix);

	return text && len >= tail && strcmp(text + len - tail, suffix) == 0;
}

bool str_is(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_empty(const char *text)
{
	return !text || !*text;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *str_with_tail(const char *start, const char *tail, size_t max)
{
	size_t keep = strlen(start);

	if (keep + strlen(tail) > max) {
		keep = strlen(tail) < max ? max - strlen(tail) : 0;
		while (keep > 0 && ((unsigned char)start[keep] & 0xc0) == 0x80)
			keep--;
	}
	return str_format("%.*s%s", (int)keep, start, tail);
}

char *str_trim(char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		text[--len] = '\0';
	return text;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein, one row at a time; two neighbours swapped cost 2 like two replacements. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t b_len = strlen(b);
	AUTO(free_auto) size_t *row = mem_new(b_len + 1, sizeof(*row));

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];

			row[j] = smallest(
				above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *str_nearest(const char *word, const char *const *candidates)
{
	size_t limit = (strlen(word) + 2) / 3;
	size_t best = limit + 1;
	const char *nearest = NULL;

	if (limit < 2 && strlen(word) > 1)
		best = 3; /* a swap in a short word */
	for (size_t i = 0; candidates[i]; i++) {
		size_t distance = edit_distance(word, candidates[i]);

		if (distance < best && distance < strlen(candidates[i])) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

#define ROTATION 8
#define SLOT     64

static char *rotating_buffer(void)
{
	static char buffers[ROTATION][SLOT];
	static unsigned next;

	return buffers[next++ % ROTATION];
}

const char *str_bytes(unsigned long long bytes)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	unsigned long long unit = 1;
	size_t which = 0;
	char *buffer = rotating_buffer();

	if (bytes < 1000) {
		snprintf(buffer, SLOT, "%llu B", bytes);
		return buffer;
	}
	/* The next unit begins where rounding would show "1000". */
	while (which + 1 < COUNT_OF(units) &&
		bytes / unit + (bytes % unit > (unit - 1) / 2) >= 1000) {
		unit *= 1000;
		which++;
	}
	if (bytes < unit * 100 - unit / 20) {
		unsigned long long tenths = (bytes + unit / 20) / (unit / 10);

		snprintf(buffer, SLOT, "%llu.%llu %s", tenths / 10, tenths % 10, units[which]);
	} else {
		snprintf(buffer, SLOT, "%llu %s", bytes / unit + (bytes % unit > (unit - 1) / 2),
			units[which]);
	}
	return buffer;
}

long long whole_seconds(long long ms)
{
	return (ms + 999) / 1000;
}

const char *str_duration(long long ms)
{
	char *buffer = rotating_buffer();
	long long seconds;

	if (ms < 0)
		ms = 0;
	seconds = (ms + 500) / 1000;
	if (ms < 59950)
		snprintf(buffer, SLOT, _("%lld.%lld s"), (ms + 50) / 1000, (ms + 50) / 100 % 10);
	else if (seconds < 3600)
		snprintf(buffer, SLOT, _("%lld min %02lld s"), seconds / 60, seconds % 60);
	else
		snprintf(buffer, SLOT, _("%lld h %02lld min"), seconds / 3600, seconds / 60 % 60);
	return buffer;
}
