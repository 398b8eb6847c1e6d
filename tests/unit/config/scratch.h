/* scratch.h - a temporary folder with files in it, for the tests of config/. */
#pragma once
#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

static inline char *scratch_new(void)
{
	char *folder = str_dup("/tmp/belay-config-XXXXXX");

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

/* Path below the folder; with text, the file is written, folders made. Caller frees. */
static inline char *scratch_file(const char *folder, const char *name, const char *text)
{
	AUTO(err_clear) Err err = {0};
	char *path = path_join(folder, name);
	AUTO(free_auto) char *parent = path_folder(path);

	if (!dir_make(parent, 0755, &err) || (text && !file_write_text(path, text, 0600, &err)))
		fail_msg("%s", err.text);
	return path;
}
