/* The compressed dump of a backup set: its bytes as they are, though size and digest agree. */
#include "fuzz.h"

#include <string.h>

#include "backup/dump_stream.h"
#include "base/mem.h"

#define UNPACKED_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *path = fuzz_file("database.dump.zst", bytes, len);
	AUTO(dump_reader_free_auto) DumpReader *reader = NULL;
	AUTO(err_clear) Err err = {0};
	FileSum sum = {.bytes = (int64_t)len};
	static char chunk[65536];
	size_t got = 1, total = 0;

	sha256_of(bytes, len, sum.sha256);
	FUZZ_MUST(dump_reader_open(path, &sum, UNPACKED_MAX, &reader, &err));
	while (got > 0) {
		if (!dump_reader_next(reader, chunk, sizeof chunk, &got, &err)) {
			FUZZ_MUST(err.kind == ERR_VERIFY);
			break;
		}
		FUZZ_MUST(got <= sizeof chunk);
		total += got;
		FUZZ_MUST(total <= UNPACKED_MAX);
	}
	return 0;
}
