/* scratch.h - a folder of its own for each test, and short ways to fill and read it. */
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"

UNUSED static int scratch_setup(void **state)
{
	char *folder = str_dup("/tmp/belay-test-XXXXXX");

	*state = mkdtemp(folder);
	return *state ? 0 : -1;
}

UNUSED static int scratch_teardown(void **state)
{
	Err err = {0};
	bool done = tree_remove(*state, &err);

	err_clear(&err);
	free(*state);
	return done ? 0 : -1;
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

/* A path in the folder; from a small rotation, good for one statement. */
UNUSED static const char *in(void **state, const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, 512, "%s/%s", (const char *)*state, name);
	return path;
}

UNUSED static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

UNUSED static void assert_content(const char *path, const char *want)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *text = NULL;

	assert_done(file_read(path, 1 << 20, &text, NULL, &err), &err);
	assert_string_equal(text, want);
}

UNUSED static void make_folder(const char *path)
{
	assert_int_equal(mkdir(path, 0755), 0);
}
