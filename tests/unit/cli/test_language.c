/* Which language the environment asks for, and when the site's key decides. */
#include "unit.h"

#include <locale.h>
#include <stdlib.h>

#include "cli/language.h"

static const char *const names[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};

static void set_all(const char *const *values)
{
	for (size_t i = 0; i < 4; i++) {
		if (values[i])
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	}
}

static void test_wish(void **state)
{
	static const struct {
		const char *values[4];
		const char *wanted; /* NULL: nothing was said */
	} rows[] = {
		{{NULL, NULL, NULL, NULL}, NULL},
		{{NULL, NULL, NULL, "C.UTF-8"}, NULL},
		{{NULL, NULL, NULL, "C"}, NULL},
		{{NULL, NULL, NULL, "ko_KR.UTF-8"}, "ko"},
		{{NULL, NULL, "en_US.UTF-8", "ko_KR.UTF-8"}, "en"},
		{{NULL, "ko_KR.UTF-8", "en_US.UTF-8", NULL}, "ko"},
		{{"ko:en", NULL, NULL, "en_US.UTF-8"}, "ko"},
		{{"ko", "C", NULL, NULL}, "en"},
		{{"", "", "", "ko"}, "ko"},
		{{NULL, "C.UTF-8", NULL, "ko_KR.UTF-8"}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		set_all(rows[i].values);
		if (rows[i].wanted)
			assert_string_equal(language_wish(), rows[i].wanted);
		else
			assert_null(language_wish());
	}
}

static void test_korean_without_its_locale(void **state)
{
	(void)state;
	set_all((const char *const[]){NULL, NULL, NULL, "ko_KR.UTF-8"});
	language_start();
	assert_string_equal(getenv("LANGUAGE"), "ko");
	assert_string_not_equal(setlocale(LC_MESSAGES, NULL), "C");
	assert_string_equal(setlocale(LC_NUMERIC, NULL), "C");
}

static void test_site_decides_where_nothing_was_said(void **state)
{
	(void)state;
	set_all((const char *const[]){NULL, NULL, NULL, NULL});
	language_start();
	language_of_site(NULL);
	assert_null(getenv("LANGUAGE"));
	language_of_site("ko");
	assert_string_equal(getenv("LANGUAGE"), "ko");
	assert_string_equal(setlocale(LC_NUMERIC, NULL), "C");
	set_all((const char *const[]){NULL, NULL, NULL, "en_US.UTF-8"});
	language_start();
	language_of_site("ko");
	assert_string_equal(getenv("LANGUAGE"), "en");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wish),
		cmocka_unit_test(test_korean_without_its_locale),
		cmocka_unit_test(test_site_decides_where_nothing_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
