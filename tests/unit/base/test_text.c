#include "unit.h"

#include "base/text.h"

static void ceiling_holds(void **state UNUSED)
{
	static const struct {
		const char *more;
		size_t max;
		const char *want;
		bool truncated;
	} cases[] = {
		{"abc", 3, "abc", false},
		{"abcd", 3, "abc", true},
		{"", 3, "", false},
		{"ab\xEA\xB0\x80", 5, "ab\xEA\xB0\x80", false},
		{"ab\xEA\xB0\x80", 4, "ab", true}, /* never half a character */
		{"ab\xEA\xB0\x80", 3, "ab", true},
		{"abc", 0, "", true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(text_clear) Text text = TEXT_INIT(cases[i].max);

		text_add(&text, cases[i].more);
		assert_int_equal(text.truncated, cases[i].truncated);
		AUTO(free_auto) char *taken = text_take(&text);
		assert_string_equal(taken, cases[i].want);
	}
}

static void nothing_follows_a_cut(void **state UNUSED)
{
	AUTO(text_clear) Text text = TEXT_INIT(4);

	text_addf(&text, "%s-%d", "ab", 123);
	text_add(&text, "x");
	assert_string_equal(text.data, "ab-1");
}

static void taken_text_is_never_null(void **state UNUSED)
{
	Text text = TEXT_INIT(10);
	AUTO(free_auto) char *first = text_take(&text);
	AUTO(free_auto) char *second = NULL;

	assert_string_equal(first, "");
	text_add(&text, "again");
	second = text_take(&text);
	assert_string_equal(second, "again");
	assert_null(text.data);
}

static void grows_over_many_additions(void **state UNUSED)
{
	AUTO(text_clear) Text text = TEXT_INIT(100000);

	for (int i = 0; i < 5000; i++)
		text_add(&text, "0123456789");
	assert_int_equal(text.len, 50000);
	assert_int_equal(strlen(text.data), 50000);
}

static void questions(void **state UNUSED)
{
	char spaces[] = " \t a b \r\n";
	char none[] = "   ";

	assert_true(str_starts("belay", "bel"));
	assert_false(str_starts("be", "bel"));
	assert_false(str_starts(NULL, "bel"));
	assert_true(str_ends("a.json", ".json"));
	assert_false(str_ends("json", ".json"));
	assert_true(str_is(NULL, NULL));
	assert_false(str_is(NULL, ""));
	assert_true(str_empty(NULL) && str_empty(""));
	assert_string_equal(str_trim(spaces), "a b");
	assert_string_equal(str_trim(none), "");
}

static void nearest(void **state UNUSED)
{
	static const char *const commands[] = {
		"upgrade", "rollback", "status", "plan", "check", NULL};

	assert_string_equal(str_nearest("upgarde", commands), "upgrade");
	assert_string_equal(str_nearest("rolback", commands), "rollback");
	assert_string_equal(str_nearest("plna", commands), "plan");
	assert_string_equal(str_nearest("stats", commands), "status");
	assert_null(str_nearest("frobnicate", commands));
	assert_null(str_nearest("", commands));
}

static void sizes(void **state UNUSED)
{
	static const struct {
		unsigned long long bytes;
		const char *want;
	} cases[] = {
		{0, "0 B"},
		{999, "999 B"},
		{1000, "1.0 KB"},
		{1449, "1.4 KB"},
		{99949, "99.9 KB"},
		{99950, "100 KB"},
		{312000, "312 KB"},
		{999499, "999 KB"},
		{999500, "1.0 MB"},
		{1400000000, "1.4 GB"},
		{84428111872ULL, "84.4 GB"},
		{18446744073709551615ULL, "18447 PB"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(str_bytes(cases[i].bytes), cases[i].want);
}

static void durations(void **state UNUSED)
{
	static const struct {
		long long ms;
		const char *want;
	} cases[] = {
		{-5, "0.0 s"},
		{40, "0.0 s"},
		{9449, "9.4 s"},
		{950, "1.0 s"},
		{59949, "59.9 s"},
		{59950, "1 min 00 s"},
		{125000, "2 min 05 s"},
		{3599499, "59 min 59 s"},
		{3599500, "1 h 00 min"},
		{3720000, "1 h 02 min"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(str_duration(cases[i].ms), cases[i].want);
}

static void one_message_may_use_several(void **state UNUSED)
{
	char line[64];

	snprintf(line, sizeof(line), "%s of %s in %s", str_bytes(1000), str_bytes(2000),
		str_duration(3000));
	assert_string_equal(line, "1.0 KB of 2.0 KB in 3.0 s");
}

static void a_tail_is_whole_and_no_character_is_cut(void **state UNUSED)
{
	static const struct {
		const char *start, *tail;
		size_t max;
		const char *made;
	} rows[] = {
		{"webui", "_new", 63, "webui_new"},
		{"webui", "_new", 9, "webui_new"},
		{"webui", "_new", 8, "webu_new"},
		{"\355\225\234\352\270\200", "_x", 8, "\355\225\234\352\270\200_x"},
		{"\355\225\234\352\270\200", "_x", 7, "\355\225\234_x"},
		{"webui", "_longer", 5, "_longer"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free_auto)
		char *made = str_with_tail(rows[i].start, rows[i].tail, rows[i].max);

		assert_string_equal(made, rows[i].made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ceiling_holds),
		cmocka_unit_test(nothing_follows_a_cut),
		cmocka_unit_test(taken_text_is_never_null),
		cmocka_unit_test(grows_over_many_additions),
		cmocka_unit_test(questions),
		cmocka_unit_test(nearest),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(one_message_may_use_several),
		cmocka_unit_test(a_tail_is_whole_and_no_character_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
