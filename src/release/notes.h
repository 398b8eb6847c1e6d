/* notes.h - the change log between two versions, from PACKAGE/CHANGELOG.md (Keep a Changelog: a
 * heading "## [0.8.0] - 2026-02-12", then "### Added|Fixed|Changed|Removed", items "- **Title**
 * …"). Items whose title speaks of migrations or breaking changes come first. Open WebUI's own
 * notices are unreliable both ways, so the caller shows the list of revisions (migrations.h) beside
 * them. */
#pragma once
#include "base/error.h"

typedef struct NoteItem {
	char *version, *section, *text;
	bool important;
} NoteItem;
typedef struct Notes {
	NoteItem *items; /* important ones first, then newest version first */
	size_t len;
} Notes;

/* Versions > from and <= to. A missing change log is ERR_VERIFY. */
bool notes_read(
	const char *package_dir, const char *from, const char *to, Notes *ret, Err *err) NODISCARD;
void notes_clear(Notes *notes);
