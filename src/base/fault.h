/* fault.h - counted fault points for tests. Every function that changes the world calls
 * FAULT(err, "what") right before its system call. In builds without BELAY_TEST this is nothing.
 *
 * BELAY_FAULT=kill:N    the process is killed at the N-th point it passes
 * BELAY_FAULT=fail:N    the N-th point returns an error (ERR_IO)
 * BELAY_FAULT=full:N    likewise with ERR_NO_SPACE
 * BELAY_FAULT=kill@NAME the process is killed at the first point of that name; kill@NAME:N at the
 *                       N-th. fail and full likewise
 * BELAY_FAULT=fail@NAME that point returns an error (ERR_IO)
 * BELAY_FAULT_LOG=FILE  each passed point is appended with its number */
#pragma once
#include "base/error.h"

#ifdef BELAY_TEST
bool fault_pass(Err *err, const char *name);
void fault_restart(void); /* count from 1 again: for tests that fork */
#define FAULT(err, name) fault_pass((err), (name))
#else
#define FAULT(err, name) true
#endif
