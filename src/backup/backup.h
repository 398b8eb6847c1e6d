/* backup.h - backup sets: one folder with everything needed to bring a site back.
 *
 * BACKUP_DIR/openwebui_backup_%Y%m%d_%H%M%S/ (0700, files 0600) holds database.dump.zst (one
 * pg_dump -Fc -Z0 stream) or webui.db.zst, files/ (uploads, vector_db; unchanged files hard-linked
 * from the previous set), secret_key, environment (the effective one, as shell assignments), dotenv
 * (the .env), packages.txt, start.json (the recipe), RESTORE.md (the ordinary commands that restore
 * it without belay, English and Korean) and manifest.json, which is written last: without it a
 * folder is not a backup set. */
#pragma once
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "database/database.h"
#include "release/release.h"

typedef struct BackupSet {
	char *path, *name;
	char *version, *revision;
	int64_t made_ms; /* wall clock */
	int64_t bytes;   /* of the whole set */
	bool proven;
	int64_t proven_ms; /* when, wall clock; 0 */
	bool foreign;      /* a dump made by hand, or a set of another site */
	json_t *manifest;  /* NULL for a dump made by hand */
} BackupSet;
typedef struct BackupList {
	BackupSet *items; /* newest first */
	size_t len;
} BackupList;

/* A name that no set has. Written down before backup_make(), it tells after a crash which folder
 * without a manifest is whose (retention_remove_leftover). */
char *backup_new_name(const Site *site);
/* `name` NULL: a new one. */
bool backup_make(const Site *site, Database *db, const Release *release, const char *run,
	const char *step, const char *name, BackupSet *ret, Err *err) NODISCARD;
bool backup_list(const Site *site, BackupList *ret, Err *err) NODISCARD; /* absent folder: none */
bool backup_find(const Site *site, const char *name_or_path, BackupSet *ret, Err *err) NODISCARD;
/* Every file's size and SHA-256 against the manifest; ERR_VERIFY with the first finding. */
bool backup_check_files(const BackupSet *set, Err *err) NODISCARD;
/* The database of a set into the spare place. */
bool backup_restore_database(
	const BackupSet *set, Database *db, const char *spare, const char *run, Err *err) NODISCARD;
/* uploads into DATA_DIR (added, never deleted), vector_db into `vector_spare` (made anew). */
bool backup_restore_files(
	const BackupSet *set, const Site *site, const char *vector_spare, Err *err) NODISCARD;
/* The uploads that are missing; and the secret key into its file (a set without one: ERR_VERIFY).
 */
bool backup_restore_uploads(const BackupSet *set, const Site *site, Err *err) NODISCARD;
bool backup_restore_key(
	const BackupSet *set, const Site *site, const char *key_file, Err *err) NODISCARD;
void backup_set_clear(BackupSet *set);
void backup_list_clear(BackupList *list);
