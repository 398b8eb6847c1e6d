#include "release/version.h"

#include "unit.h"

static void test_canonical_forms(void **state)
{
	static const char *const table[][2] = {
		{"0.8.0", "0.8.0"},
		{"v0.8.0", "0.8.0"},
		{"0.8.0rc1", "0.8.0rc1"},
		{"0.8.0-RC.1", "0.8.0rc1"},
		{"1.0alpha2", "1.0a2"},
		{"0.3.17.dev2", "0.3.17.dev2"},
		{"0.8.0.post1", "0.8.0.post1"},
		{"0.08.0", "0.8.0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *version = NULL;

		assert_done(version_normal(table[i][0], &version, &err), &err);
		assert_string_equal(version, table[i][1]);
	}
}

static void test_other_texts_are_wrong_usage(void **state)
{
	static const char *const table[] = {"", "latest", "0.8.0x", "0..8", "0.8.0 ", "-1.0", "v",
		"0.8.0+local", "99999999999999999999", "../../etc", "0.8.0\n", "0.8.0;x"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		AUTO(err_clear) Err err = {0};
		char *version = NULL;

		if (version_normal(table[i], &version, &err))
			fail_msg("'%s' was taken as '%s'", table[i], version);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(err.hint);
	}
}

static void test_order(void **state)
{
	static const char *const ascending[] = {"0.3.17.dev2", "0.3.17.dev3", "0.3.17a1",
		"0.3.17a2.dev1", "0.3.17a2", "0.3.17b1", "0.3.17rc1", "0.3.17", "0.3.17.post1.dev1",
		"0.3.17.post1", "0.3.18", "0.8.0", "0.8.12", "0.10.0", "0.12.4", "1.0"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ascending); i++)
		for (size_t j = 0; j < COUNT_OF(ascending); j++) {
			const int order = version_compare(ascending[i], ascending[j]);

			if ((order > 0) - (order < 0) != (i > j) - (i < j))
				fail_msg("%s and %s: %d", ascending[i], ascending[j], order);
		}
	assert_int_equal(version_compare("1.0", "1.0.0"), 0);
}

static void test_prereleases(void **state)
{
	(void)state;
	assert_true(version_is_prerelease("0.8.0rc1"));
	assert_true(version_is_prerelease("0.3.17.dev2"));
	assert_false(version_is_prerelease("0.8.0"));
	assert_false(version_is_prerelease("0.8.0.post1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_forms),
		cmocka_unit_test(test_other_texts_are_wrong_usage),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_prereleases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
