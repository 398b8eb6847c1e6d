/* set_dump.h - the database dump of a set, as its manifest describes it: not a byte more than was
 * backed up is unpacked, whatever the file holds. */
#pragma once
#include "backup/backup.h"
#include "backup/dump_stream.h"

/* `folder`: where it is unpacked to a file, which must have room for it; NULL: nowhere. ERR_VERIFY
 * when the manifest does not say how large it is, ERR_NO_SPACE. */
bool set_dump_open(const BackupSet *set, const char *folder, DumpReader **ret, Err *err) NODISCARD;
int64_t set_dump_bytes(const BackupSet *set); /* unpacked; 0: not said */
/* Is that much free there, with something left over for everybody else? */
bool set_dump_fits(const BackupSet *set, const char *folder);
