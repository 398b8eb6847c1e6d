#include "release/release.h"

#include "fake_env.h"
#include "release/link.h"
#include "release/marker.h"

/* Files of an environment that make it incomplete, or strange, when they are missing or added. */
static const struct {
	const char *promise;
	const char *removed; /* below the environment */
	const char *added;
	bool complete;
	const char *text;
} cases[] = {
	{"a whole one is a release", NULL, NULL, true, NULL},
	{"without METADATA it is none",
		"lib/python3.11/site-packages/open_webui-0.7.2.dist-info/METADATA", NULL, false,
		"no complete Open WebUI"},
	{"without RECORD it is none",
		"lib/python3.11/site-packages/open_webui-0.7.2.dist-info/RECORD", NULL, false,
		"no complete Open WebUI"},
	{"without its package it is none", "lib/python3.11/site-packages/open_webui/__init__.py",
		NULL, false, "no complete Open WebUI"},
	{"without Python it is none", "bin/python", NULL, false, "bin/python"},
	{"pip's remains of an uninstall do not count", NULL,
		"lib/python3.11/site-packages/~pen_webui-0.7.1.dist-info/METADATA", true, NULL},
	{"an unfinished dist-info does not count", NULL,
		"lib/python3.11/site-packages/open_webui-0.8.0.dist-info/METADATA", true, NULL},
	{"an older Python's folder without Open WebUI does not count", NULL,
		"lib/python3.10/site-packages/other.py", true, NULL},
};

static void an_environment_is_a_release_when_complete(void **state)
{
	FakeSite *fake = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(release_clear) Release release = {0};
		AUTO(free_auto) char *env = str_format("%s/case%zu", fake->root, i);
		AUTO(free_auto)
		char *removed = path_join(env, cases[i].removed ? cases[i].removed : "none");

		fake_env(env, "0.7.2");
		assert_done(file_remove(removed, &err), &err);
		if (cases[i].added)
			fake_file_at(env, cases[i].added, "");
		if (release_at(env, &release, &err) != cases[i].complete)
			fail_msg("%s: %s", cases[i].promise, err.text ? err.text : "(accepted)");
		if (cases[i].complete) {
			assert_string_equal(release.version, "0.7.2");
			assert_string_equal(release.python_version, "3.11");
		} else {
			assert_int_equal(err.kind, ERR_VERIFY);
			assert_part(err.text, cases[i].text);
		}
	}
}

static void two_complete_versions_are_refused(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release release = {0};

	fake_env(fake->site.environment, "0.8.0");
	assert_error(
		release_at(fake->site.environment, &release, &fake->err), &fake->err, ERR_VERIFY);
	assert_part(fake->err.text, "two versions");
}

static void current_follows_the_link_and_names_an_unfinished_run(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release release = {0};
	AUTO(free_auto) char *next = path_join(fake->releases, "0.8.0");

	fake_env(next, "0.8.0");
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_error(release_current(&fake->site, &release, &fake->err), &fake->err, ERR_VERIFY);
	assert_part(fake->err.text, "R1");
	assert_part(fake->err.hint, "belay resume");
	err_clear(&fake->err);
	assert_done(link_point(&fake->site, next, &fake->err), &fake->err);
	assert_done(release_current(&fake->site, &release, &fake->err), &fake->err);
	assert_string_equal(release.version, "0.8.0");
	assert_string_equal(release.path, next);
}

/* Ordered by version (0.12 after 0.8), the current one once, and nothing that is none. */
static void list_has_complete_releases_once_in_order(void **state)
{
	static const char *const wanted[] = {"0.7.2", "0.8.0", "0.12.4"};
	FakeSite *fake = *state;
	AUTO(release_list_clear) ReleaseList list = {0};
	AUTO(free_auto) char *newest = path_join(fake->releases, "0.12.4");
	AUTO(free_auto) char *next = path_join(fake->releases, "0.8.0");
	AUTO(free_auto) char *unfinished = path_join(fake->releases, "0.9.0");

	fake_env(newest, "0.12.4");
	fake_env(next, "0.8.0");
	fake_env(unfinished, "0.9.0");
	assert_done(marker_begin(unfinished, &fake->err), &fake->err);
	fake_file_at(fake->releases, "notes.txt", "");
	assert_done(link_block(&fake->site, "R1", "0.7.2", &fake->err), &fake->err);
	assert_done(link_point(&fake->site, next, &fake->err), &fake->err);
	assert_done(release_list(&fake->site, &list, &fake->err), &fake->err);
	assert_int_equal(list.len, COUNT_OF(wanted));
	for (size_t i = 0; i < list.len; i++)
		assert_string_equal(list.items[i].version, wanted[i]);
}

static void find_says_whether_there_is_one(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release release = {0};
	bool found = true;

	assert_done(release_find(&fake->site, "0.8.0", &release, &found, &fake->err), &fake->err);
	assert_false(found);
	assert_done(release_find(&fake->site, "0.7.2", &release, &found, &fake->err), &fake->err);
	assert_true(found);
	assert_string_equal(release.path, fake->site.environment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(an_environment_is_a_release_when_complete),
		FAKE_TEST(two_complete_versions_are_refused),
		FAKE_TEST(current_follows_the_link_and_names_an_unfinished_run),
		FAKE_TEST(list_has_complete_releases_once_in_order),
		FAKE_TEST(find_says_whether_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
