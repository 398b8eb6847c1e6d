/* tree_entry.h - one entry of a folder, by descriptor; shared by tree.c, tree_mirror.c and file.c.
 */
#pragma once
#include <sys/stat.h>

#include "base/error.h"
#include "base/list.h"

typedef struct Node {
	int folder_fd;
	const char *name; /* in the folder */
	const char *path; /* for messages, and what a walk shows */
	struct stat st;
} Node;

bool entry_names(int fd, const char *path, StrList *ret, Err *err) NODISCARD; /* sorted */
char *entry_path(const char *path, const char *name); /* "name" in the root, whose path is "" */
/* Fills in `st` without following a link; *ret_there false when it is gone. */
bool entry_look(Node *node, bool *ret_there, Err *err) NODISCARD;
/* -1 when it is gone or not a folder any more. */
bool entry_open_folder(const Node *node, int *ret_fd, Err *err) NODISCARD;
/* With everything below; `st` is filled in. */
bool entry_remove(const Node *node, unsigned long *count, Err *err) NODISCARD;
/* A fault point at the 1st, 2nd, 4th, 8th … change: each stage of a big tree is met, and a crash
 * test does not take one run a file. */
bool tree_fault(unsigned long *count, const char *name, Err *err) NODISCARD;
