/* Bytes pass at the rate that was asked for, and a signal is not waited out. No upper limit of time
 * is tested: machines are busy. */
#include "os/pace.h"

#include <signal.h>

#include "base/clock.h"
#include "os/signals.h"
#include "unit.h"

static void without_a_rate_nothing_waits(void **state)
{
	AUTO(err_clear) Err err = {0};
	Pace pace = {0};

	(void)state;
	assert_done(pace_pass(&pace, INT64_MAX, &err), &err);
	assert_int_equal(pace.began_ms, 0);
}

static void the_average_is_not_exceeded(void **state)
{
	AUTO(err_clear) Err err = {0};
	Pace pace = {.bytes_per_s = 1000000};
	const int64_t began = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_done(pace_pass(&pace, 50000, &err), &err);
	assert_true(clock_mono_ms() - began >= 199);
}

static void a_signal_ends_the_wait(void **state)
{
	AUTO(err_clear) Err err = {0};
	Pace pace = {.bytes_per_s = 1};

	(void)state;
	raise(SIGTERM);
	assert_error(pace_pass(&pace, 1000000, &err), &err, ERR_INTERRUPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rate_nothing_waits),
		cmocka_unit_test(the_average_is_not_exceeded),
		cmocka_unit_test(a_signal_ends_the_wait),
	};

	signals_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
