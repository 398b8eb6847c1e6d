#include "unit.h"
#include "scratch.h"

#include "adopt/look.h"
#include "base/text.h"

static void it_lies_above_bin(void **state)
{
	static const struct {
		const char *argv, *folder, *found;
	} rows[] = {
		{"/srv/e/bin/python|/srv/e/bin/open-webui|serve", "/srv", "/srv/e"},
		{"/real/e/bin/python3.11|/link/e/bin/open-webui|serve", "/srv", "/link/e"},
		{"/srv/e/bin/python|e/bin/open-webui|serve", "/srv", "/srv/e"},
		{"/srv/e/bin/python|-m|open_webui|serve", "/srv", "/srv/e"},
		{"/srv/e/bin/python3|/srv/e/bin/uvicorn|open_webui.main:app", "/srv", "/srv/e"},
		{"python|-m|open_webui|serve", "/srv", NULL},
		{"/opt/launcher|serve", "/srv", NULL},
		{"/srv/python|-m|open_webui|serve", "/srv", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(strlist_clear) StrList argv = {0};

		strlist_split(&argv, rows[i].argv, "|");
		AUTO(free_auto) char *found = environment_of_argv(&argv, rows[i].folder);
		assert_true(str_is(found, rows[i].found));
	}
}

static void a_release_belongs_to_the_link_that_scripts_name(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(scratch_free) char *root = scratch_new();
	AUTO(free_auto) char *link = path_join(root, "env");
	AUTO(free_auto) char *release = path_join(root, "env.releases/0.8.0");
	AUTO(free_auto) char *alone = path_join(root, "alone.releases/0.8.0");

	(void)state;
	assert_done(dir_make(release, 0755, &err), &err);
	assert_done(link_replace(link, release, &err), &err);
	AUTO(free_auto) char *found = environment_link_of(release);
	AUTO(free_auto) char *same = environment_link_of(alone);
	assert_string_equal(found, link);
	assert_string_equal(same, alone);
}

static void extras_follow_from_what_is_installed(void **state)
{
	static const struct {
		const char *packages, *extras;
	} rows[] = {
		{"open_webui-0.8.0", ""},
		{"psycopg2_binary-2.9.11 pgvector-0.4.2", "postgres"},
		{"psycopg2-2.9.11", "postgres"},
		{"pgvector-0.4.2", ""},
		{"pymilvus-2.6.6", ""},
		{"psycopg2_binary-2.9.11 pymilvus-2.6.6 qdrant_client-1.16.2 weaviate_client-4.19.2",
			"all"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(scratch_free) char *root = scratch_new();
		AUTO(strlist_clear) StrList names = {0};

		strlist_split(&names, rows[i].packages, " ");
		for (size_t k = 0; k < names.len; k++) {
			AUTO(free_auto)
			char *name = str_format("%s.dist-info/METADATA", names.items[k]);

			scratch_file(root, name, "", 0644);
		}
		assert_string_equal(extras_of(root), rows[i].extras);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_lies_above_bin),
		cmocka_unit_test(a_release_belongs_to_the_link_that_scripts_name),
		cmocka_unit_test(extras_follow_from_what_is_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
