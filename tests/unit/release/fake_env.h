/* fake_env.h - environments of a few files in a scratch folder, for the tests of this folder. */
#pragma once
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/site.h"
#include "os/file.h"
#include "os/tree.h"
#include "release/release.h"
#include "unit.h"

typedef struct FakeSite {
	Site site;
	char *root;
	char *releases;
	Err err;
} FakeSite;

static inline void fake_file(const char *path, const char *text, mode_t mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *folder = path_folder(path);

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, mode, &err), &err);
}

static inline void fake_file_at(const char *folder, const char *name, const char *text)
{
	AUTO(free_auto) char *path = path_join(folder, name);

	fake_file(path, text, 0644);
}

/* An environment with a complete Open WebUI in it; python is a program that succeeds. */
static inline void fake_env(const char *path, const char *version)
{
	AUTO(free_auto) char *python = path_join(path, "bin/python");
	AUTO(free_auto) char *packages = path_join(path, "lib/python3.11/site-packages");
	AUTO(free_auto) char *dist = str_format("%s/open_webui-%s.dist-info", packages, version);

	fake_file(python, "#!/bin/sh\nexit 0\n", 0755);
	fake_file_at(packages, "open_webui/__init__.py", "");
	fake_file_at(packages, "open_webui/data/readme.txt", "not data\n");
	fake_file_at(dist, "METADATA", "Name: open-webui\n");
	fake_file_at(dist, "RECORD", "");
}

static inline int fake_setup(void **state)
{
	FakeSite *fake = NEW(FakeSite);
	char name[] = "/tmp/belay-unit-XXXXXX";

	fake->root = path_real(mkdtemp(name));
	fake->site.name = str_dup("test");
	fake->site.environment = path_join(fake->root, "env");
	fake->releases = site_releases_dir(&fake->site);
	fake_env(fake->site.environment, "0.7.2");
	*state = fake;
	return 0;
}

static inline int fake_teardown(void **state)
{
	FakeSite *fake = *state;
	AUTO(err_clear) Err err = {0};
	bool gone = tree_remove(fake->root, &err);

	err_clear(&fake->err);
	free(fake->site.name);
	free(fake->site.environment);
	free(fake->root);
	free(fake->releases);
	free(fake);
	return gone ? 0 : -1;
}

#define FAKE_TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)
