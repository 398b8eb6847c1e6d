#include "release/image_get.h"

#include <stdlib.h>

#include "unit.h"

static const struct {
	const char *reference, *tag, *with;
} names[] = {
	{"ghcr.io/open-webui/open-webui:v0.7.2", "v0.7.2", "ghcr.io/open-webui/open-webui:v0.8.0"},
	{"open-webui", NULL, "open-webui:v0.8.0"},
	{"localhost:5000/open-webui", NULL, "localhost:5000/open-webui:v0.8.0"},
	{"localhost:5000/open-webui:main", "main", "localhost:5000/open-webui:v0.8.0"},
	{"a/b:v0.7.2@sha256:00ff", "v0.7.2", "a/b:v0.8.0"},
	{"a/b@sha256:00ff", NULL, "a/b:v0.8.0"},
};

static void test_a_tag_is_what_follows_the_last_slash(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free_auto) char *tag = image_tag_of(names[i].reference);
		AUTO(free_auto) char *with = image_with_tag(names[i].reference, "v0.8.0");

		if (names[i].tag)
			assert_string_equal(tag, names[i].tag);
		else
			assert_null(tag);
		assert_string_equal(with, names[i].with);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tag_is_what_follows_the_last_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
