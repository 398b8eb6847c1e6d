/* proof_record.h - the verdict on a dump made by hand, which has no manifest:
 * STATE/proofs/NAME.json
 * {"bytes", "mtime_ns", "sha256", "revision", "proven": as in a manifest}. It counts as
 * long as size and time of the dump agree. */
#pragma once
#include "backup/backup.h"

/* *ret NULL: none that fits. */
void proof_record_read(const Site *site, const char *dump, json_t **ret);
bool proof_record_write(const Site *site, const char *dump, const json_t *proven,
	const char *revision, Err *err) NODISCARD;
/* It was looked at again and is not what it was. */
bool proof_record_forget(const Site *site, const char *dump, Err *err) NODISCARD;
