/* Version numbers, and the table of known bad releases they are looked up in. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "release/known_bad.h"
#include "release/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(strlist_clear) StrList parts = {0};
	AUTO(free_auto) char *a = NULL;
	AUTO(free_auto) char *again = NULL;
	AUTO(free_auto) char *b = NULL;
	AUTO(err_clear) Err err = {0};

	fuzz_parts(bytes, len, 2, &parts);
	if (!version_normal(parts.items[0], &a, &err))
		return 0;
	FUZZ_MUST(version_normal(a, &again, &err));
	FUZZ_MUST(str_is(a, again));
	/* It becomes the name of a folder. */
	FUZZ_MUST(!strchr(a, '/') && a[0] != '.' && a[0] != '-');
	known_bad_find(a, NULL, true);
	if (!version_normal(parts.items[1], &b, &err))
		return 0;
	FUZZ_MUST(version_compare(a, a) == 0);
	FUZZ_MUST((version_compare(a, b) < 0) == (version_compare(b, a) > 0));
	FUZZ_MUST((version_compare(a, b) == 0) == (version_compare(b, a) == 0));
	known_bad_find(a, b, false);
	return 0;
}
