/* fake_webui.h - a site in a scratch folder whose `open-webui serve` is a few lines of Python, for
 * the tests of service/ and gate/. What it answers is told by FAKE_… variables of the recipe. */
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/site.h"
#include "os/file.h"
#include "os/tree.h"

#include "fake_program.h"

typedef struct FakeSite {
	char folder[64];
	Site site;
} FakeSite;

static inline char *fake_path(const FakeSite *fake, const char *below)
{
	return path_join(fake->folder, below);
}

static inline void fake_file(const FakeSite *fake, const char *below, const char *text, mode_t mode)
{
	AUTO(free_auto) char *path = fake_path(fake, below);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(err_clear) Err err = {0};

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, mode, &err), &err);
	assert_int_equal(chmod(path, mode), 0);
}

/* Run as root it belongs to root; its log is server.log in its folder. */
static inline FakeSite *fake_site_new(int port)
{
	FakeSite *fake = NEW(FakeSite);
	Site *site = &fake->site;
	AUTO(free_auto) char *python = NULL;
	AUTO(free_auto) char *program = NULL;
	AUTO(err_clear) Err err = {0};

	strcpy(fake->folder, "/tmp/belay-test-XXXXXX");
	assert_non_null(mkdtemp(fake->folder));
	fake_file(fake, "env/bin/open-webui", fake_program, 0755);
	python = fake_path(fake, "env/bin/python");
	program = fake_path(fake, "env/bin/open-webui");
	assert_int_equal(symlink("/usr/bin/python3", python), 0);
	site->name = str_dup("fake");
	site->environment = fake_path(fake, "env");
	site->state_dir = fake_path(fake, "state");
	site->start_directory = str_dup(fake->folder);
	site->host = str_dup("127.0.0.1");
	site->port = port;
	site->log_file = fake_path(fake, "server.log");
	site->stop_timeout_ms = 1000;
	site->start_timeout_ms = 3000;
	site->service = SERVICE_RECIPE;
	strlist_add(&site->recipe.argv, python);
	strlist_add(&site->recipe.argv, program);
	strlist_add(&site->recipe.argv, "serve");
	strlist_add(&site->recipe.argv, "--port");
	strlist_addf(&site->recipe.argv, "%d", port);
	strlist_add(&site->recipe.env, "PATH=/usr/bin:/bin");
	strlist_add(&site->recipe.env, "WEBUI_SECRET_KEY=t0ps3cr3t-of-test");
	site->recipe.dir = str_dup(fake->folder);
	site->recipe.log = str_dup(site->log_file);
	site->recipe.uid = geteuid();
	site->recipe.gid = getegid();
	site->recipe.umask = 022;
	return fake;
}

static inline void fake_set(FakeSite *fake, const char *name, const char *value)
{
	env_set(&fake->site.recipe.env, name, value);
}

/* A start script that says how it was called and runs `line`; $RUN is the recipe's command. */
static inline void fake_script(FakeSite *fake, const char *line, mode_t mode)
{
	AUTO(free_auto) char *run = strlist_join(&fake->site.recipe.argv, " ");
	AUTO(free_auto) char *text = str_format("#!/bin/bash\nRUN='%s'\n%s\n", run, line);

	fake_file(fake, "start_openwebui.sh", text, mode);
	fake->site.service = SERVICE_SCRIPT;
	free(fake->site.start_script);
	fake->site.start_script = fake_path(fake, "start_openwebui.sh");
}

static inline void fake_site_free(FakeSite *fake)
{
	AUTO(err_clear) Err err = {0};
	Site *site = &fake->site;

	assert_done(tree_remove(fake->folder, &err), &err);
	free(site->name);
	free(site->environment);
	free(site->state_dir);
	free(site->start_directory);
	free(site->host);
	free(site->log_file);
	free(site->start_script);
	free(site->unit);
	recipe_clear(&site->recipe);
	free(fake);
}

static inline char *fake_read(const FakeSite *fake, const char *below)
{
	AUTO(free_auto) char *path = fake_path(fake, below);
	AUTO(err_clear) Err err = {0};
	char *text = NULL;

	return file_read(path, 1 << 20, &text, NULL, &err) ? text : str_dup("");
}
