/* An environment file (.env). */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "config/webui_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(strlist_clear) StrList env = {0};
	AUTO(strlist_clear) StrList found = {0};
	AUTO(err_clear) Err err = {0};

	strlist_add(&env, "HOME=/home/ann");
	strlist_add(&env, "EMPTY=");
	if (dotenv_parse(text, &env, &found, &err))
		for (size_t i = 0; i < found.len; i++)
			FUZZ_MUST(strchr(found.items[i], '='));
	return 0;
}
