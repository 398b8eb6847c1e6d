#include "release/frozen_source.h"

#include "unit.h"

static void test_rows(void **state)
{
	static const struct {
		const char *version;
		bool sqlite, cannot_read, ends_sessions;
	} table[] = {
		{"0.7.2", true, true, false}, {"0.7.2", false, false, true},
		{"0.8.12", true, true, false}, {"0.9.0", true, false, false},
		{"0.9.6", false, false, false}, {"0.12.4", true, false, false},
		{"0.12.4", false, false, false},
		{NULL, true, true, false}, /* might be an old one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const FrozenSource *row = frozen_source_find(table[i].version, table[i].sqlite);

		assert_int_equal(row && row->cannot_read, table[i].cannot_read);
		assert_int_equal(row && row->ends_sessions, table[i].ends_sessions);
		if (row)
			assert_non_null(row->reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
