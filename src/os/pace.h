/* pace.h - not more than so many bytes a second, on average since the first of them. */
#pragma once
#include <stdint.h>

#include "base/error.h"

typedef struct Pace {
	int64_t bytes_per_s; /* 0: as fast as it goes */
	int64_t began_ms;    /* monotonic; 0: nothing has passed yet */
	int64_t passed;
} Pace;

/* `bytes` have been read or written: waits until that many may have been. ERR_INTERRUPTED after INT
 * or TERM, also where nothing limits. */
bool pace_pass(Pace *pace, int64_t bytes, Err *err) NODISCARD;
