/* A site file: whatever is written into it, it is a site or an error that names the place. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"
#include "config/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(site_clear) Site site = {0};
	AUTO(site_clear) Site again = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *written = NULL;

	setenv("BELAY_STATE_DIR", fuzz_folder(), 1);
	if (site_parse(text, "/etc/belay/fuzz.conf", &site, &err)) {
		FUZZ_MUST(site.name && site.environment && site.state_dir && site.recipe.argv.len);
		FUZZ_MUST(site.port > 0 && site.port <= 65535);
		/* What belay writes, belay reads. */
		written = site_format(&site);
		FUZZ_MUST(site_parse(written, site.file, &again, &err));
		FUZZ_MUST(again.port == site.port && again.service == site.service);
	} else {
		FUZZ_MUST(err.kind != ERR_NONE && err.text);
	}
	redact_forget();
	return 0;
}
