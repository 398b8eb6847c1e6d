#include "rehearse/predict.h"

#include "unit.h"

/* 150 MB: a plain copy takes 1.3 s. */
static const Measured base = {
	.bytes = 150000000,
	.restore_ms = 9000,
	.migrate_ms = 40000,
	.verify_ms = 500,
	.stop_ms = 700,
	.start_ms = 15000,
	.max_gap_ms = 5000,
};

static void test_everything_is_dark_without_a_freeze(void **state)
{
	Prediction got;

	(void)state;
	predict(&base, &got);
	assert_int_equal(got.copy_ms, 1300);
	assert_int_equal(got.dark_ms, 700 + 1300 + 40000 + 500 + 200 + 15000);
	assert_int_equal(got.read_only_ms, 0);
}

static void test_freeze_moves_the_migration_out_of_the_dark(void **state)
{
	Measured frozen = base;
	Prediction got;

	(void)state;
	frozen.frozen = true;
	predict(&frozen, &got);
	/* The gap of the copy is dark, and read-only too. */
	assert_int_equal(got.dark_ms, 700 + 200 + 15000 + 1300);
	assert_int_equal(got.read_only_ms, 200 + 1300 + 40000 + 500);
}

static void test_copy_beyond_the_gap_goes_by_dump(void **state)
{
	Measured big = base;
	Prediction got;

	(void)state;
	big.frozen = true;
	big.bytes = 1500000000;
	big.restore_ms = 90000;
	predict(&big, &got);
	assert_int_equal(got.copy_ms, 90000);
	assert_false(got.gap);
	assert_int_equal(got.dark_ms, 700 + 200 + 15000);
	assert_int_equal(got.read_only_ms, 200 + 90000 + 40000 + 500);
}

static void test_frozen_file_has_no_gap(void **state)
{
	Measured file = base;
	Prediction got;

	(void)state;
	file.frozen = file.sqlite = true;
	predict(&file, &got);
	assert_false(got.gap);
	assert_int_equal(got.dark_ms, 700 + 200 + 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_dark_without_a_freeze),
		cmocka_unit_test(test_freeze_moves_the_migration_out_of_the_dark),
		cmocka_unit_test(test_copy_beyond_the_gap_goes_by_dump),
		cmocka_unit_test(test_frozen_file_has_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
