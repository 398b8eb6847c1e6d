#include "service/log_tail.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"

#define BACK_MAX    ((int64_t)256 * 1024)
#define LINE_MAX    300
#define DRAWN_TIMES 20 /* so many lines are looked at for one that says something */

int64_t log_size(const char *path)
{
	struct stat about;

	return path && stat(path, &about) == 0 && S_ISREG(about.st_mode) ? about.st_size : 0;
}

static char *read_from(const char *path, int64_t from)
{
	AUTO(close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AUTO(text_clear) Text text = TEXT_INIT((size_t)BACK_MAX);
	struct stat about;
	char bytes[8192];
	ssize_t got;

	if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
		return NULL;
	if (from > about.st_size)
		from = 0;
	if (from < about.st_size - BACK_MAX)
		from = about.st_size - BACK_MAX;
	while (!text.truncated && (got = pread(fd, bytes, sizeof bytes, from)) > 0) {
		/* A log that was emptied under its writer begins with NULs. */
		for (ssize_t i = 0; i < got; i++)
			if (!bytes[i])
				bytes[i] = '\n';
		text_add_bytes(&text, bytes, (size_t)got);
		from += got;
	}
	return text_take(&text);
}

static char *clean_line(const char *line)
{
	char *masked = redact(line);

	size_t len = strlen(masked);

	if (len > LINE_MAX) {
		/* Not in the middle of a character, or the line is no UTF-8 any more. */
		for (len = LINE_MAX; len && ((unsigned char)masked[len] & 0xc0) == 0x80;)
			len--;
		masked[len] = '\0';
	}
	for (char *c = masked; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return masked;
}

void log_lines_since(const char *path, int64_t from, size_t max, StrList *ret)
{
	AUTO(free_auto) char *text = path ? read_from(path, from) : NULL;
	AUTO(strlist_clear) StrList lines = {0};

	strlist_split(&lines, text ? text : "", "\n");
	for (size_t i = lines.len > max ? lines.len - max : 0; i < lines.len; i++) {
		AUTO(free_auto) char *line = clean_line(lines.items[i]);
		const char *words = str_trim(line);

		if (words[0])
			strlist_add(ret, words);
	}
}

/* Frames that Python's rich draws around source lines: U+2500 to U+257F at the start of a line. */
static bool is_drawing(const char *line)
{
	return (unsigned char)line[0] == 0xe2 &&
	       ((unsigned char)line[1] == 0x94 || (unsigned char)line[1] == 0x95);
}

char *log_words_since(const char *path, int64_t from, size_t max)
{
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(strlist_clear) StrList words = {0};

	log_lines_since(path, from, max * DRAWN_TIMES, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		if (!is_drawing(lines.items[i]))
			strlist_add(&words, lines.items[i]);
	}
	while (words.len > max)
		strlist_remove(&words, 0);
	return words.len ? strlist_join(&words, " | ") : str_dup("");
}
