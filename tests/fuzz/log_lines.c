/* A server's log, of which the last lines are shown. The first byte says from where. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "service/log_tail.h"

static void must_be_clean(const char *line)
{
	for (const char *c = line; *c; c++)
		FUZZ_MUST((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const int64_t from = len ? bytes[0] : 0;
	AUTO(free_auto) char *path = fuzz_file("server.log", bytes, len);
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(free_auto) char *words = NULL;

	log_lines_since(path, from, 40, &lines);
	FUZZ_MUST(lines.len <= 40);
	for (size_t i = 0; i < lines.len; i++) {
		FUZZ_MUST(strlen(lines.items[i]) <= 300);
		must_be_clean(lines.items[i]);
	}
	words = log_words_since(path, from, 3);
	must_be_clean(words);
	return 0;
}
