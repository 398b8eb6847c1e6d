/* tree.h - whole folders by descriptor, never following links out of them. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct TreeSize {
	int64_t bytes; /* content, not blocks */
	int64_t files; /* everything but folders */
} TreeSize;

bool tree_size(const char *path, TreeSize *ret, Err *err) NODISCARD; /* absent: zero */

/* What a walk shows of each entry; `path` is relative to the root. */
typedef struct TreeEntry {
	const char *path;
	mode_t mode; /* with the file type */
	int64_t bytes;
	int64_t mtime_ns;
} TreeEntry;
/* In sorted order, folders before their content. `each` may return false with err set. */
bool tree_walk(const char *root, bool (*each)(void *arg, const TreeEntry *entry, Err *err),
	void *arg, Err *err) NODISCARD;

/* Make `to` equal to `from`: entries whose size and modification time agree are kept, others
 * copied (reflink where the file system can), surplus ones removed; modes, owners and times are
 * taken over; synced at the end. Run it once while the source is in use and again when it is not:
 * the second pass is short. A source entry that vanishes meanwhile is skipped. */
bool tree_mirror(const char *from, const char *to, Err *err) NODISCARD;
/* The second pass over a mirror that was completed: syncs what it changes and not the whole file
 * system, which would wait for what others write. Not for one that was broken off: what that did
 * not sync looks complete. */
bool tree_mirror_changes(const char *from, const char *to, Err *err) NODISCARD;

bool tree_remove(
	const char *path, Err *err) NODISCARD; /* absent is fine; a link is only unlinked */
/* What is in the folder by a name that ends so, e.g. ".partial"; an absent folder is fine. */
bool tree_remove_ending(const char *folder, const char *end, Err *err) NODISCARD;
bool tree_chown(const char *path, uid_t uid, gid_t gid, Err *err) NODISCARD;
