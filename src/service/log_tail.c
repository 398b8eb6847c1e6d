#include "service/log_tail.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"

#define BACK_MAX ((int64_t)256 * 1024)
#define LINE_MAX 300

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
		text_add_bytes(&text, bytes, (size_t)got);
		from += got;
	}
	return text_take(&text);
}

static char *clean_line(const char *line)
{
	char *masked = redact(line);

	if (strlen(masked) > LINE_MAX)
		masked[LINE_MAX] = '\0';
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

char *log_words_since(const char *path, int64_t from, size_t max)
{
	AUTO(strlist_clear) StrList lines = {0};

	log_lines_since(path, from, max, &lines);
	return lines.len ? strlist_join(&lines, " | ") : str_dup("");
}
