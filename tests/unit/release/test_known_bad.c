#include "release/known_bad.h"

#include "unit.h"

typedef struct Case {
	const char *version, *from;
	bool sqlite, found, refuse;
} Case;

static void test_rows(void **state)
{
	static const Case table[] = {
		{"0.11.2", "0.11.0", true, true, true}, {"0.11.2", NULL, false, true, true},
		{"0.11.4", "0.7.2", false, false, false}, {"0.12.4", "0.7.2", true, false, false},
		{"0.6.43", "0.6.41", false, true, true}, {"0.8.0", "0.7.2", false, true, false},
		{"0.8.5", "0.7.2", true, true, false}, {"0.8.9", "0.7.2", true, false, false},
		{"0.8.5", "0.8.0", true, false, false}, /* the heavy step is behind it */
		{"0.9.1", "0.8.12", false, true, false}, {"0.9.6", "0.6.36", true, true, true},
		{"0.9.6", "0.7.2", true, false, false}, {"0.10.2", "0.6.36", true, false, false},
		{"0.9.6", NULL, true, true, true}, /* an unknown source may be an old one */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const KnownBad *row = known_bad_find(
			table[i].version, table[i].from, table[i].sqlite);

		if (!!row != table[i].found || (row && row->refuse != table[i].refuse))
			fail_msg("%s from %s: %s", table[i].version,
				table[i].from ? table[i].from : "?", row ? row->reason : "fine");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
