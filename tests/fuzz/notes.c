/* The change log of a package. */
#include "fuzz.h"

#include "base/mem.h"
#include "release/notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *path = fuzz_file("CHANGELOG.md", bytes, len);
	AUTO(notes_clear) Notes notes = {0};
	AUTO(err_clear) Err err = {0};
	bool ordinary = false;

	if (!notes_read(fuzz_folder(), "0.5.0", "0.12.4", &notes, &err))
		return 0;
	for (size_t i = 0; i < notes.len; i++) {
		FUZZ_MUST(notes.items[i].version && notes.items[i].section && notes.items[i].text);
		FUZZ_MUST(!(ordinary && notes.items[i].important));
		ordinary = !notes.items[i].important;
	}
	return 0;
}
