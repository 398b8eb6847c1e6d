/* run_lock.h - one run per site. The lock is an open file description lock (F_OFD_SETLK): it
 * vanishes with its process, so there is no stale lock. The file says who holds it. */
#pragma once
#include "base/error.h"

typedef struct RunLock RunLock;

/* ERR_BUSY, naming pid, command and since when, if another process holds it. Waits for nothing, but
 * for what a killed holder left to follow it, 2 s at most. */
bool run_lock_take(const char *path, const char *what, RunLock **ret, Err *err) NODISCARD;
void run_lock_release(RunLock *lock);
DEFINE_AUTO(RunLock, run_lock_release)
/* Who holds it now: "upgrade, process 4711, since 13:48:12"; NULL when nobody. For status. */
char *run_lock_holder(const char *path);
