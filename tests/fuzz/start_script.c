/* A start script: does it put ENV/bin on PATH? */
#include "fuzz.h"

#include "base/mem.h"
#include "config/system_python.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	const ScriptPath path = script_path_look(text, "/srv/webui/venv");

	FUZZ_MUST(path == SCRIPT_WITHOUT || path == SCRIPT_WITH || path == SCRIPT_NAMES_OTHER);
	return 0;
}
