/* file.h - files and folders: read whole with a limit, write so that a crash leaves the old or the
 * new content, links replaced and paths exchanged in one rename. Everything that changes the disk
 * passes a fault point and syncs what it promises (file and folder). Paths are absolute. */
#pragma once
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"

typedef enum { FILE_ABSENT, FILE_REGULAR, FILE_FOLDER, FILE_LINK, FILE_OTHER } FileKind;

FileKind file_kind(const char *path); /* does not follow a link */
bool file_exists(const char *path);   /* follows links */
bool folder_exists(const char *path); /* likewise */

/* ERR_IO when larger than max_bytes. The result is NUL-terminated; ret_len may be NULL. */
bool file_read(
	const char *path, size_t max_bytes, char **ret_data, size_t *ret_len, Err *err) NODISCARD;
/* New content under a temporary name, synced, renamed, folder synced. */
bool file_write(const char *path, const void *data, size_t len, mode_t mode, Err *err) NODISCARD;
bool file_write_text(const char *path, const char *text, mode_t mode, Err *err) NODISCARD;
bool file_copy(const char *from, const char *to, mode_t mode, Err *err) NODISCARD; /* synced */
bool file_remove(const char *path, Err *err) NODISCARD;                      /* absent is fine */
bool file_rename(const char *from, const char *to, Err *err) NODISCARD;      /* never replaces */
bool file_chown(const char *path, uid_t uid, gid_t gid, Err *err) NODISCARD; /* not through links */

/* mkdir -p; new folders get `mode`, existing ones stay. */
bool dir_make(const char *path, mode_t mode, Err *err) NODISCARD;
bool dir_sync(const char *path, Err *err) NODISCARD;
bool dir_list(const char *path, StrList *ret_names, Err *err) NODISCARD; /* sorted, no . and .. */

/* Symbolic links. link_replace makes or replaces `path` in one rename. */
bool link_read(const char *path, char **ret_target, Err *err) NODISCARD;
bool link_replace(const char *path, const char *target, Err *err) NODISCARD;
/* What a killed file_write() or link_replace() of `path` left beside it, where no next one comes to
 * replace it: for undo. */
bool file_remove_unfinished(const char *path, Err *err) NODISCARD;

/* Swap what two paths name, in one step: renameat2(RENAME_EXCHANGE). Both must exist. Its own undo.
 */
bool path_exchange(const char *a, const char *b, Err *err) NODISCARD;
/* "DEV:INODE" of what the path names (a link itself, not its target): follows renames, so it tells
 * which of two exchanged things is where. *ret is NULL when nothing is there. */
bool path_id(const char *path, char **ret, Err *err) NODISCARD;
/* Tries path_exchange on scratch files inside `folder`: false with ERR_REFUSED where the file
 * system cannot do it. */
bool path_exchange_works(const char *folder, Err *err) NODISCARD;

char *path_join(const char *folder, const char *name);
char *path_folder(const char *path);                   /* dirname */
const char *path_name(const char *path);               /* basename, into path */
char *path_real(const char *path);                     /* realpath; NULL when it does not resolve */
bool path_below(const char *path, const char *folder); /* textual; path == folder counts */
