/* The migration files of a package: one input is several files. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "release/migrations.h"

#define FILES_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(strlist_clear) StrList parts = {0};
	AUTO(migrations_clear) Migrations found = {0};
	AUTO(strlist_clear) StrList after = {0};
	AUTO(err_clear) Err err = {0};

	fuzz_parts(bytes, len, 1, &parts);
	fuzz_remove("migrations");
	for (size_t i = 0; i < parts.len && i < FILES_MAX; i++) {
		AUTO(free_auto) char *name = str_format("migrations/versions/%zu.py", i);
		AUTO(free_auto)
		char *path = fuzz_file(name, parts.items[i], strlen(parts.items[i]));
	}
	if (!migrations_read(fuzz_folder(), &found, &err))
		return 0;
	FUZZ_MUST(found.ids.len == found.titles.len && found.ids.len > 0);
	FUZZ_MUST(str_is(found.head, found.ids.items[found.ids.len - 1]));
	FUZZ_MUST(migrations_after(&found, found.ids.items[0], &after));
	FUZZ_MUST(after.len == found.ids.len - 1);
	return 0;
}
