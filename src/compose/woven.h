/* woven.h - a text of a compose file with its variables put in, which remembers of each byte where
 * it stands: in the file itself, in .env, or nowhere that could be changed. */
#pragma once
#include "base/error.h"
#include "compose/env_file.h"

enum { SOURCE_NONE = -1, SOURCE_ENV = -2 }; /* else the number of a compose file */

typedef struct Origin {
	int source;
	size_t at;
	const char *variable; /* that it came through; NULL: none. Of the EnvFile */
} Origin;

typedef struct Woven {
	char *text;
	Origin *origins; /* one a byte */
	size_t len;
} Woven;

/* ${NAME}, $NAME, ${NAME:-default}, ${NAME-default}, ${NAME:?text}, ${NAME?text}, ${NAME:+text},
 * ${NAME+text}, $$; defaults may have variables in them. `at` is where `text` stands in `source`.
 * A variable that .env does not set counts as unset. ERR_REFUSED for what is none of these. */
bool weave(const char *text, int source, size_t at, const EnvFile *env, Woven *ret,
	Err *err) NODISCARD;
void woven_clear(Woven *woven);
