#include "unit.h"

#include "base/mem.h"
#include "config/launcher_words.h"

#define L "/e.releases/.prewarm/" LAUNCHER_FILE

static void an_ordinary_command_is_left(void **state)
{
	static const struct {
		const char *shown, *ordinary;
	} rows[] = {
		{"/e.releases/2/bin/python " L " warm 5 /l /e/bin/open-webui serve --port 3",
			"/e/bin/python /e/bin/open-webui serve --port 3"},
		{"/e.releases/2/bin/python " L " record 5 /e.releases/2/bin/open-webui serve",
			"/e/bin/python /e/bin/open-webui serve"},
		{"/e.releases/2/bin/python3 " L " warm 5 /l -m uvicorn open_webui.main:app",
			"/e/bin/python3 -m uvicorn open_webui.main:app"},
		{"/other/bin/python /x/" LAUNCHER_FILE " warm 5 /l ./open-webui serve",
			"/other/bin/python ./open-webui serve"},
		{"/e.releases/2/bin/python /e/bin/open-webui serve",
			"/e/bin/python /e/bin/open-webui serve"},
		{"/e.releases/x/y/bin/python a", NULL},
		{"/e/bin/python /e/bin/open-webui serve warm 5 /l", NULL},
		{"/e/bin/python " L " warm 5", NULL},
		{"/e/bin/python " L " warm 5 /l", NULL},
		{"vim " L, NULL},
		{"", NULL},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(strlist_clear) StrList argv = {0};
		AUTO(free_auto) char *left = NULL;

		strlist_split(&argv, rows[i].shown, " ");
		assert_int_equal(launcher_words_in(&argv),
			strstr(rows[i].shown, LAUNCHER_FILE) && rows[i].ordinary);
		launcher_words_strip(&argv);
		left = strlist_join(&argv, " ");
		assert_string_equal(left, rows[i].ordinary ? rows[i].ordinary : rows[i].shown);
	}
}

static void one_that_waits_is_told_by_its_name(void **state)
{
	AUTO(strlist_clear) StrList early = {0};
	AUTO(strlist_clear) StrList ordinary = {0};
	(void)state;

	strlist_split(&early, "/p " L " warm 5 /l /e/bin/open-webui serve", " ");
	strlist_split(&ordinary, "/p /e/bin/open-webui serve", " ");
	assert_true(launcher_is_waiting(&early, LAUNCHER_WAITING));
	assert_false(launcher_is_waiting(&early, "open-webui"));
	assert_false(launcher_is_waiting(&ordinary, LAUNCHER_WAITING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_command_is_left),
		cmocka_unit_test(one_that_waits_is_told_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
