/* in_memory.h - where tests with hundreds of syncs put their scratch folders. */
#pragma once
#include <sys/statvfs.h>
#include <unistd.h>

/* Memory where that is possible; containers often mount theirs noexec, and fakes are run from it.
 */
static inline const char *in_memory(void)
{
	struct statvfs about;

	if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &about) == 0 &&
		!(about.f_flag & ST_NOEXEC))
		return "/dev/shm";
	return "/tmp";
}
