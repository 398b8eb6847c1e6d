/* What a package and the tools that fetch it say: METADATA, the name of a wheel, the lists of pip
 * and uv, and their complaints. */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "release/installer.h"
#include "release/package.h"
#include "release/package_list.h"
#include "release/version.h"

static void lists(const char *said)
{
	AUTO(strlist_clear) StrList versions = {0};
	AUTO(free_auto) char *one = NULL;
	AUTO(free_auto) char *name = str_format("open_webui-%s.whl", said);
	AUTO(free_auto) char *of_wheel = package_wheel_version(name);
	AUTO(err_clear) Err err = {0};
	AUTO(err_clear) Err other = {0};
	AUTO(err_clear) Err third = {0};

	if (package_versions_of_pip(said, &versions, &err))
		for (size_t i = 0; i < versions.len; i++)
			FUZZ_MUST(!version_is_prerelease(versions.items[i]) &&
				  !strchr(versions.items[i], '/'));
	if (!package_version_of_uv(said, &one, &other))
		FUZZ_MUST(!one);
	installer_explain(INSTALLER_UV, said, &third);
	err_clear(&third);
	installer_explain(INSTALLER_PIP, said, &third);
	FUZZ_MUST(third.kind != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(free_auto) char *text = fuzz_text(bytes, len);
	AUTO(free_auto) char *metadata = fuzz_file("open_webui-1.dist-info/METADATA", bytes, len);
	AUTO(free_auto) char *package = fuzz_path("open_webui");
	AUTO(free_auto) char *requires = NULL;
	AUTO(err_clear) Err err = {0};
	bool fits;

	if (package_accepts_python(package, "3.11", &fits, &requires, &err))
		FUZZ_MUST(requires);
	lists(text);
	return 0;
}
