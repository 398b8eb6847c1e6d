/* early_site.h - a site with a release in it whose next server is started early, for the tests of
 * prewarm. */
#pragma once
#include "fake_webui.h"

#include "base/text.h"
#include "os/process_table.h"
#include "service/prewarm.h"
#include "service/service.h"

#define PACKAGES "env/lib/python3/site-packages/"

/* A site whose environment has a library or two, and its release. */
typedef struct Early {
	FakeSite *fake;
	Release release;
	PrewarmSpec spec;
	char *modules;
} Early;

static inline void list(Early *early, const char *names)
{
	fake_file(early->fake, "modules", names, 0600);
}

static inline int set_up(void **state)
{
	Early *early = NEW(Early);
	FakeSite *fake = fake_site_new(fake_free_port());
	AUTO(free_auto) char *packages = fake_path(fake, PACKAGES);

	early->fake = fake;
	early->modules = fake_path(fake, "modules");
	early->release = (Release){
		.version = str_dup("0.8.0"),
		.path = fake_path(fake, "env"),
		.python = fake_path(fake, "env/bin/python"),
	};
	early->spec = (PrewarmSpec){.site = &fake->site,
		.release = &early->release,
		.modules = early->modules,
		.needed_kb = 1,
		.timeout_ms = 10000};
	fake_set(fake, "PYTHONPATH", packages);
	fake_set(fake, "PYTHONDONTWRITEBYTECODE", "1");
	fake_file(fake, PACKAGES "one/__init__.py", "import one.two\n", 0644);
	fake_file(fake, PACKAGES "one/two.py", "", 0644);
	list(early, "one\none.two\n");
	*state = early;
	return 0;
}

static inline int tear_down(void **state)
{
	Early *early = *state;
	AUTO(err_clear) Err err = {0};

	early->fake->site.service = SERVICE_RECIPE;
	assert_done(service_stop(&early->fake->site, &err), &err);
	fake_site_free(early->fake);
	release_clear(&early->release);
	free(early->modules);
	free(early);
	return 0;
}

static inline void answers_on_its_port(const Site *site, pid_t pid)
{
	AUTO(err_clear) Err err = {0};
	AUTO(service_state_clear) ServiceState seen = {0};

	assert_done(service_state(site, &seen, &err), &err);
	assert_int_equal(seen.pid, pid);
	assert_true(fake_wait_listening(site->port, true));
	service_state_clear(&seen);
	assert_done(service_state(site, &seen, &err), &err);
	assert_int_equal(seen.pid, pid);
	assert_int_equal(seen.stranger, 0);
}
