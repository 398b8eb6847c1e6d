/* sqlite_release.h - the site of sqlite_backup.h with installed releases. */
#pragma once
#include "backup/sqlite_backup.h"

/* A complete one, as far as it is looked at, in a folder below the root. */
UNUSED static void put_release(const Fixture *fixture, const char *folder, const char *version)
{
	AUTO(free_auto) char *packages = str_format("%s/lib/python3.11/site-packages", folder);
	AUTO(free_auto) char *init = path_join(packages, "open_webui/__init__.py");
	AUTO(free_auto)
	char *metadata = str_format("%s/open_webui-%s.dist-info/METADATA", packages, version);
	AUTO(free_auto)
	char *record = str_format("%s/open_webui-%s.dist-info/RECORD", packages, version);
	AUTO(free_auto) char *python = path_join(folder, "bin/python");

	put(fixture, init, "", 0644);
	put(fixture, metadata, "Name: open-webui\n", 0644);
	put(fixture, record, "", 0644);
	put(fixture, python, fake_python, 0755);
}
