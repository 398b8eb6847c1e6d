/* manifest.h - manifest.json of a backup set: what belongs to it, and how each file must look.
 *
 * {"schema": 1, "name", "site", "run", "belay", "made_at_ms", "made_at", "version", "revision",
 * "python" or, of a container, "image", "image_id" and "container"; "data_dir", "database":
 * {"kind", "server", "name", "how", "file", "unpacked_bytes", "tables", "shape",
 * "sequences_after"}, "files": [{"path", "bytes", "sha256", "mtime_ns", "mode"} or {"path",
 * "link"}], "proven": null or {"at_ms", "at", "how", "ms", "belay"}, "findings": of a proof that
 * failed, "seal": SHA-256 of all the rest}
 *
 * The figures of the database are those of database.h's DumpFigures. */
#pragma once
#include "backup/dump_stream.h"
#include "base/json.h"

#define MANIFEST_NAME   "manifest.json"
#define MANIFEST_SCHEMA 1

/* Reads and checks it: ERR_VERIFY for one that is damaged, has paths that lead out of the set, or
 * was written by a newer belay. *ret stays NULL (and true) when there is none. */
bool manifest_read(const char *set_path, json_t **ret, Err *err) NODISCARD;
/* In one rename, with a new seal. */
bool manifest_write(const char *set_path, const json_t *manifest, Err *err) NODISCARD;

/* One entry for "files". */
json_t *manifest_file_new(const char *path, const FileSum *sum, int64_t mtime_ns, unsigned mode);
const json_t *manifest_file(const json_t *manifest, const char *path); /* NULL: no such entry */
FileSum manifest_sum(const json_t *file);
int64_t manifest_bytes(const json_t *manifest);

/* Size and digest of a file, not following links. *ret_found false when there is no such file. */
bool file_sum(const char *path, FileSum *ret, bool *ret_found, Err *err) NODISCARD;
