/* set_file.h - one file of a backup set against its entry in the manifest. */
#pragma once
#include "backup/backup.h"

/* ERR_VERIFY with a stable word for what is wrong: "missing-file", "size", "digest", "link";
 * "unreadable-file" for any other error. */
bool set_file_check(
	const BackupSet *set, const json_t *file, const char **ret_slug, Err *err) NODISCARD;
