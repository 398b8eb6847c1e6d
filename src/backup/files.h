/* files.h - uploads and vector store of a backup set: SET/files/uploads, SET/files/vector_db.
 *
 * A file that is as it was in the previous set (size, modification time) becomes a hard link to
 * that set's copy, if that copy still has the digest that its manifest says: damage is never passed
 * on. SQLite files (chroma.sqlite3) are copied with SQLite's own backup, since they are written
 * while the site serves. */
#pragma once
#include "base/json.h"
#include "config/site.h"
#include "os/pace.h"

typedef struct FilesCopy {
	const char *data_dir;
	const char *set;              /* path of the set being made */
	const char *previous;         /* path of the previous set; NULL */
	const json_t *previous_files; /* its "files"; NULL */
	const char *step;             /* for progress */
	Pace *pace;
	json_t *files;          /* entries are added here */
	int64_t linked, copied; /* counts, filled in */
} FilesCopy;

/* `name`: "uploads" or "vector_db"; absent: nothing. */
bool files_copy(FilesCopy *copy, const char *name, Err *err) NODISCARD;
