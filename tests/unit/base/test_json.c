#include "unit.h"

#include "base/json.h"

static void parses_strictly(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"{\"a\": 1}", true},
		{"[]", true},
		{"\"text\"", true},
		{"", false},
		{"{\"a\": 1", false},
		{"{\"a\": 1} x", false},
		{"{\"a\": 1, \"a\": 2}", false},
		{"\"\xFF\"", false},
		{"{\"a\": NaN}", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(json_release_auto) json_t *value = NULL;
		bool good = json_parse(cases[i].text, strlen(cases[i].text), 1000, &value, &err);

		assert_int_equal(good, cases[i].good);
		assert_int_equal(err.kind, good ? ERR_NONE : ERR_VERIFY);
		assert_int_equal(value != NULL, good);
	}
}

static void has_limits(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	json_t *value = NULL;
	static char deep[200000];

	assert_error(json_parse("[1,2,3]", 7, 6, &value, &err), &err, ERR_VERIFY);
	memset(deep, '[', sizeof(deep) - 1);
	assert_error(
		json_parse(deep, sizeof(deep) - 1, sizeof(deep), &value, &err), &err, ERR_VERIFY);
	assert_null(value);
}

static void members_of_another_type_are_absent(void **state UNUSED)
{
	AUTO(json_release_auto)
	json_t *object = json_pack("{s:s, s:i, s:b, s:n}", "text", "t", "int", 5, "flag", 1, "nil");

	assert_string_equal(json_str(object, "text"), "t");
	assert_null(json_str(object, "int"));
	assert_null(json_str(object, "nil"));
	assert_null(json_str(NULL, "text"));
	assert_int_equal(json_int(object, "int", -1), 5);
	assert_int_equal(json_int(object, "text", -1), -1);
	assert_true(json_flag(object, "flag", false));
	assert_true(json_flag(object, "int", true));
	assert_false(json_flag(object, "absent", false));
}

static void writes_in_order_and_never_null(void **state UNUSED)
{
	AUTO(json_release_auto) json_t *object = json_object();
	AUTO(free_auto) char *line = NULL;
	AUTO(free_auto) char *nothing = json_line(NULL);

	json_put(object, "z", "one");
	json_put_int(object, "a", INT64_MAX);
	json_put(object, "none", NULL);
	json_put(object, "bytes", "caf\xE9"); /* Latin-1 from some other program */
	json_put(object, "hangul", "\xEA\xB0\x80");
	line = json_line(object);
	assert_string_equal(line,
		"{\"z\":\"one\",\"a\":9223372036854775807,\"none\":null,\"bytes\":\"caf?\","
		"\"hangul\":\"\xEA\xB0\x80\"}");
	assert_string_equal(nothing, "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_strictly),
		cmocka_unit_test(has_limits),
		cmocka_unit_test(members_of_another_type_are_absent),
		cmocka_unit_test(writes_in_order_and_never_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
