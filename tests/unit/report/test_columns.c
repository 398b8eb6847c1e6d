/* Width in columns, where a Korean syllable takes two. */
#include "unit.h"

#include <locale.h>

#include "base/mem.h"
#include "report/columns.h"

static void test_width(void **state)
{
	static const struct {
		const char *text;
		int columns;
	} rows[] = {
		{"", 0}, {"abc", 3}, {"버전", 4}, {"버전 0.8", 8}, {"✓", 1},
		{"\xff\xfe", 2}, /* no text of any locale */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(columns_of(rows[i].text), rows[i].columns);
	assert_int_equal(columns_of(NULL), 0);
}

static void test_fit_never_splits_a_syllable(void **state)
{
	(void)state;
	assert_int_equal(columns_fit("버전", 3), strlen("버"));
	assert_int_equal(columns_fit("버전", 4), strlen("버전"));
	assert_int_equal(columns_fit("abc", 2), 2);
}

static void test_pad(void **state)
{
	AUTO(text_clear) Text out = TEXT_INIT(100);

	(void)state;
	columns_pad(&out, "버전", 6);
	text_add(&out, "|");
	columns_pad(&out, "abcdef", 3);
	text_add(&out, "|");
	columns_pad(&out, NULL, 2);
	assert_string_equal(out.data, "버전  |abc|  ");
}

static void test_wrap(void **state)
{
	static const struct {
		const char *text;
		int indent, width;
		const char *wanted;
	} rows[] = {
		{"one two three", 0, 8, "one two\nthree\n"},
		{"one two three", 2, 8, "one\n  two\n  three\n"},
		{"업그레이드 하기", 0, 10, "업그레이드\n하기\n"},
		{"a-word-without-an-end x", 0, 6, "a-word-without-an-end\nx\n"},
		{"two\nlines", 0, 20, "two\nlines\n"},
		{"", 0, 20, "\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(text_clear) Text out = TEXT_INIT(1000);

		columns_wrap(&out, rows[i].text, rows[i].indent, rows[i].width);
		assert_string_equal(out.data, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_fit_never_splits_a_syllable),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_wrap),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
