/* clock.h - wall and monotonic time through one replaceable clock. */
#pragma once
#include <stdint.h>

int64_t clock_mono_ms(void); /* for durations and deadlines */
int64_t clock_wall_ms(void); /* since 1970, for people */
/* Local time as "20261123-134812" and as "2026-11-23 13:48:12 +0900". Caller frees. */
char *clock_compact(int64_t wall_ms);
char *clock_readable(int64_t wall_ms);

/* Tests: a clock that stands still until moved. NULL goes back to the real one. */
typedef struct FakeClock {
	int64_t mono_ms;
	int64_t wall_ms;
} FakeClock;
void clock_use(const FakeClock *fake);

/* A point in time on the monotonic clock, for waits with a limit. */
typedef struct Deadline {
	int64_t at_ms;
} Deadline;
Deadline deadline_in(int64_t ms);
int64_t deadline_left_ms(Deadline deadline); /* never negative */
