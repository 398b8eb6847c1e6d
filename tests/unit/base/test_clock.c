#include "unit.h"

#include <time.h>

#include "base/clock.h"

static void shows_local_time(void **state UNUSED)
{
	AUTO(free_auto) char *compact = NULL;
	AUTO(free_auto) char *readable = NULL;

	setenv("TZ", "KST-9", 1);
	tzset();
	compact = clock_compact(1795409292789);
	readable = clock_readable(1795409292789);
	assert_string_equal(compact, "20261123-134812");
	assert_string_equal(readable, "2026-11-23 13:48:12 +0900");
}

static void deadlines_follow_the_fake_clock(void **state UNUSED)
{
	FakeClock fake = {.mono_ms = 1000, .wall_ms = 5};
	Deadline deadline, never;

	clock_use(&fake);
	deadline = deadline_in(300);
	never = deadline_in(INT64_MAX);
	assert_int_equal(deadline_left_ms(deadline), 300);
	fake.mono_ms += 299;
	assert_int_equal(deadline_left_ms(deadline), 1);
	fake.wall_ms -= 100000; /* a clock that was set must not move a deadline */
	assert_int_equal(deadline_left_ms(deadline), 1);
	fake.mono_ms += 1000;
	assert_int_equal(deadline_left_ms(deadline), 0);
	assert_true(deadline_left_ms(never) > 1000000);
	assert_int_equal(clock_wall_ms(), -99995);
	clock_use(NULL);
	assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_local_time),
		cmocka_unit_test(deadlines_follow_the_fake_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
