/* What is shown of a server's log, whatever is in it. */
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "os/file.h"
#include "service/log_tail.h"

static const struct {
	const char *promise, *log;
	size_t len;
	const char *words;
} rows[] = {
	{"the last lines", "one\n\ntwo\nthree\n", 15, "two | three"},
	{"a log that was emptied under its writer", "\0\0\0\0started\nlast\n", 17,
		"started | last"},
	{"control characters", "a\033[2Jb\r\n", 9, "a [2Jb"},
	{"nothing", "", 0, ""},
};

static char *words_of(const char *log, size_t len)
{
	char path[] = "/tmp/belay-log-XXXXXX";
	AUTO(err_clear) Err err = {0};
	char *words;

	close(mkstemp(path));
	assert_done(file_write(path, log, len, 0600, &err), &err);
	words = log_words_since(path, 0, 2);
	unlink(path);
	return words;
}

static void lines_are_shown_without_what_is_no_text(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free_auto) char *words = words_of(rows[i].log, rows[i].len);

		print_message("%s\n", rows[i].promise);
		assert_string_equal(words, rows[i].words);
	}
}

/* Cut in the middle of a character the whole line would be no UTF-8, and question marks in JSON. */
static void a_long_line_is_cut_between_characters(void **state UNUSED)
{
	AUTO(text_clear) Text line = TEXT_INIT(4096);
	AUTO(free_auto) char *words = NULL;

	text_add(&line, "x");
	for (int i = 0; i < 200; i++)
		text_add(&line, "가");
	words = words_of(line.data, line.len);
	assert_int_equal(strlen(words), 298);
	assert_true(str_ends(words, "가"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_shown_without_what_is_no_text),
		cmocka_unit_test(a_long_line_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
