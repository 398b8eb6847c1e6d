/* cleanup.h - scope-bound release and the attributes used all over the program.
 *
 * A local that owns something is declared with AUTO(release). Releases run in reverse order of
 * declaration, accept NULL and half-built objects, and keep errno. `*ret = TAKE(p);` hands the
 * thing to the caller and leaves nothing to release. */
#pragma once
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A local that exists only to be released at the end of its scope is used; clang would not see it.
 */
#define AUTO(release)           __attribute__((cleanup(release), unused))
#define NODISCARD               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define UNUSED                  __attribute__((unused))
#define COUNT_OF(array)         (sizeof(array) / sizeof((array)[0]))

/* For `void thing_free(Thing *)`: gives thing_free_auto, used as
 * AUTO(thing_free_auto) Thing *t = NULL; */
#define DEFINE_AUTO(type, release)                                                                 \
	UNUSED static inline void release##_auto(type **slot)                                      \
	{                                                                                          \
		if (*slot)                                                                         \
			release(*slot);                                                            \
	}

static inline void free_auto(void *slot)
{
	free(*(void **)slot);
}

static inline void close_auto(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void *take_impl(void *slot)
{
	void *held = *(void **)slot;

	*(void **)slot = NULL;
	return held;
}

#define TAKE(pointer) ((__typeof__(pointer))take_impl(&(pointer)))
