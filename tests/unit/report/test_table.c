/* Columns stand under each other, whatever the language. */
#include "heard.h"

#include <locale.h>

#include "report/table.h"

static void test_aligns_wide_characters(void **state)
{
	AUTO(table_free_auto)
	Table *table = table_new(3, (const char *const[]){"실행", "version", "time"});
	AUTO(heard_close) Heard heard;

	(void)state;
	heard_open(&heard);
	table_right(table, 2);
	table_row(table, (const char *const[]){"a", "0.7.2", "1.2 s"});
	table_row(table, (const char *const[]){"업그레이드", NULL, "10.0 s"});
	table_show(table, &heard.out);
	assert_string_equal(heard_text(&heard), "실행        version    time\n"
						"a           0.7.2     1.2 s\n"
						"업그레이드           10.0 s\n");
	assert_int_equal(table_rows(table), 2);
}

static void test_no_line_ends_in_spaces(void **state)
{
	AUTO(table_free_auto) Table *table = table_new(2, NULL);
	AUTO(heard_close) Heard heard;

	(void)state;
	heard_open(&heard);
	table_row(table, (const char *const[]){"name", ""});
	table_row(table, (const char *const[]){"x", "y"});
	table_show(table, &heard.out);
	assert_string_equal(heard_text(&heard), "name\nx     y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligns_wide_characters),
		cmocka_unit_test(test_no_line_ends_in_spaces),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
