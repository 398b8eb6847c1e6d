/* memory.h - how much memory one more process may use. */
#pragma once
#include <stdint.h>

/* What the machine has available without swapping, or less where a control group of belay's own
 * leaves less; a daemon that belay starts counts towards that one. INT64_MAX when it cannot be
 * told. */
int64_t memory_available_kb(void);
