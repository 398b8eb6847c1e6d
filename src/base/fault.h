/* fault.h - counted fault points for tests. Every function that changes the world calls
 * FAULT(err, "what") right before its system call. In builds without BELAY_TEST this is nothing.
 *
 * BELAY_FAULT=kill:N    the process is killed at the N-th point it passes
 * BELAY_FAULT=fail:N    the N-th point returns an error (ERR_IO)
 * BELAY_FAULT=full:N    likewise with ERR_NO_SPACE
 * BELAY_FAULT=kill@NAME the process is killed at the first point of that name; kill@NAME:N at the
 *                       N-th. fail and full likewise
 * BELAY_FAULT=torn:N    the N-th piece of content written to a file is cut in half and the process
 *                       is killed
 * BELAY_FAULT=stop@NAME the process stops itself (SIGSTOP) at that point and goes on when a test
 *                       sends it CONT: for what happens to others meanwhile
 * BELAY_FAULT_LOG=FILE  each passed point is appended with its number, and each piece of content
 *                       with its own, as "N NAME" and "torn N" */
#pragma once
#include <stddef.h>

#include "base/error.h"

#ifdef BELAY_TEST
bool fault_pass(Err *err, const char *name);
void fault_restart(void); /* count from 1 again: for tests that fork */
#define FAULT(err, name) fault_pass((err), (name))
/* After content was written, as the last `len` bytes of `fd`. */
void fault_written(int fd, size_t len);
#define FAULT_WRITTEN(fd, len) fault_written((fd), (len))
#else
#define FAULT(err, name)       true
#define FAULT_WRITTEN(fd, len) ((void)0)
#endif
