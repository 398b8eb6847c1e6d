/* fuzz.h - what every fuzz target has: one function that takes bytes from outside, and the few
 * things it needs around it.
 *
 * A target is built twice: with libFuzzer (`./dev fuzz`) and, by any compiler, with replay.c, which
 * feeds it its corpus and what is easily made of that (`./dev test unit`). A target aborts where a
 * promise is broken: FUZZ_MUST() is not for what the input may be, but for what belay must not do.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define FUZZ_MUST(promise)                                                                         \
	do {                                                                                       \
		if (!(promise))                                                                    \
			fuzz_broken(#promise, __FILE__, __LINE__);                                 \
	} while (0)
void fuzz_broken(const char *promise, const char *file, int line) __attribute__((noreturn));

/* The input as a C string with nothing behind its NUL, so that reading too far is seen. */
char *fuzz_text(const uint8_t *bytes, size_t len);
/* The input cut at lines that are just "%%": several files in one. At least `least` parts. */
void fuzz_parts(const uint8_t *bytes, size_t len, size_t least, StrList *ret);

/* A folder of this process, in memory where possible, removed at its end. */
const char *fuzz_folder(void);
char *fuzz_path(const char *below); /* caller frees */
/* Writes a file there, and the folders it is in; returns its path. Caller frees. */
char *fuzz_file(const char *below, const void *bytes, size_t len);
void fuzz_remove(const char *below); /* with everything in it */
