/* scratch.h - a temporary folder with files in it, for the tests of adopt/. */
#pragma once
#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

static inline char *scratch_new(void)
{
	char *folder = str_dup("/tmp/belay-adopt-XXXXXX");

	if (!mkdtemp(folder))
		abort();
	return folder;
}

static inline void scratch_free(char **folder)
{
	AUTO(err_clear) Err err = {0};

	if (*folder && !tree_remove(*folder, &err))
		print_error("%s\n", err.text);
	free(*folder);
}

/* Writes a file, folders made. */
static inline void scratch_file(const char *folder, const char *name, const char *text, mode_t mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(folder, name);
	AUTO(free_auto) char *parent = path_folder(path);

	if (!dir_make(parent, 0755, &err) || !file_write_text(path, text, mode, &err))
		fail_msg("%s", err.text);
}
