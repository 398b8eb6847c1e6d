/* A site made from a backup set on an empty machine: recipe, .env and list of packages of the set,
 * in this order, and last the name of the site that its manifest says. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "backup/manifest.h"
#include "backup/site_of_set.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"

static bool write_set(const StrList *parts, Err *err)
{
	static const char digest[] =
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
	AUTO(json_release_auto)
	json_t *manifest = json_pack("{s:i, s:s, s:s, s:{s:s, s:s}, s:[{s:s, s:i, s:s}]}", "schema",
		MANIFEST_SCHEMA, "version", "0.8.0", "site", parts->items[3], "database", "kind",
		"sqlite", "file", "webui.db.zst", "files", "path", "webui.db.zst", "bytes", 5,
		"sha256", digest);

	free(fuzz_file("start.json", parts->items[0], strlen(parts->items[0])));
	free(fuzz_file("dotenv", parts->items[1], strlen(parts->items[1])));
	free(fuzz_file("packages.txt", parts->items[2], strlen(parts->items[2])));
	return manifest && manifest_write(fuzz_folder(), manifest, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const BackupSet set = {.path = (char *)fuzz_folder()};
	const SiteOfSetWish wish = {.set = fuzz_folder(),
		.settings = (const char *const[]){"environment=/srv/new/venv", "port=8081", NULL}};
	AUTO(strlist_clear) StrList parts = {0};
	AUTO(strlist_clear) StrList packages = {0};
	AUTO(site_clear) Site site = {0};
	AUTO(err_clear) Err err = {0};

	fuzz_parts(bytes, len, 4, &parts);
	setenv("BELAY_STATE_DIR", fuzz_folder(), 1);
	if (!write_set(&parts, &err))
		return 0;
	if (site_of_set(&wish, &site, &err)) {
		/* Where the site file will be written is not the set's to say. */
		FUZZ_MUST(str_starts(site.file, "/etc/belay/") ||
			  strstr(site.file, "/.config/belay/"));
		FUZZ_MUST(!strstr(site.file, "/../") && !strchr(site.name, '/'));
		FUZZ_MUST(site.port == 8081);
	}
	if (set_packages(&set, &packages, &err))
		for (size_t i = 0; i < packages.len; i++)
			FUZZ_MUST(packages.items[i][0] != '-');
	redact_forget();
	return 0;
}
