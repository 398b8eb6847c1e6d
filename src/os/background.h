/* background.h - work that yields: lowest processor and IO priority, while the site serves. */
#pragma once
#include "base/error.h"

/* Runs `work` to its end in a thread of its own, since a process that made itself nice may not take
 * it back: the steps that come after, with users waiting, must be fast again. Programs started
 * meanwhile are as nice. */
bool background_run(bool (*work)(void *arg, Err *err), void *arg, Err *err) NODISCARD;
