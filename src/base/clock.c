#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/mem.h"

static const FakeClock *fake_clock;

static int64_t read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return fake_clock ? fake_clock->mono_ms : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return fake_clock ? fake_clock->wall_ms : read_clock(CLOCK_REALTIME);
}

static struct tm local_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = {0};

	localtime_r(&seconds, &parts);
	return parts;
}

char *clock_compact(int64_t wall_ms)
{
	struct tm parts = local_time(wall_ms);
	char text[64] = "";

	strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &parts);
	return str_dup(text);
}

char *clock_readable(int64_t wall_ms)
{
	struct tm parts = local_time(wall_ms);
	char text[64] = "";

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &parts);
	return str_dup(text);
}

void clock_use(const FakeClock *fake)
{
	fake_clock = fake;
}

Deadline deadline_in(int64_t ms)
{
	int64_t now = clock_mono_ms();

	return (Deadline){.at_ms = ms > INT64_MAX - now ? INT64_MAX : now + ms};
}

int64_t deadline_left_ms(Deadline deadline)
{
	int64_t left = deadline.at_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}
