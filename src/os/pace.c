#include "os/pace.h"

#include <poll.h>

#include "base/clock.h"
#include "os/copy.h"
#include "os/signals.h"

enum { LONGEST_MS = 1000 };

static int64_t due_in_ms(const Pace *pace)
{
	const int64_t whole = pace->passed / pace->bytes_per_s;
	const int64_t rest = pace->passed % pace->bytes_per_s;

	return pace->began_ms + whole * 1000 + rest * 1000 / pace->bytes_per_s - clock_mono_ms();
}

bool pace_pass(Pace *pace, int64_t bytes, Err *err)
{
	int64_t left;

	if (pace->bytes_per_s <= 0)
		return copy_may_go_on(err);
	if (pace->began_ms == 0)
		pace->began_ms = clock_mono_ms();
	pace->passed += bytes;
	while (copy_may_go_on(err)) {
		struct pollfd signals = {.fd = signals_fd(), .events = POLLIN};

		left = due_in_ms(pace);
		if (left <= 0)
			return true;
		poll(&signals, 1, (int)(left < LONGEST_MS ? left : LONGEST_MS));
	}
	return false;
}
