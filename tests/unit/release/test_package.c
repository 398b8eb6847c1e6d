#include "release/package.h"

#include "base/text.h"
#include "fake_env.h"

static char *scratch(void)
{
	char template[] = "/tmp/belay-unit-XXXXXX";

	return str_dup(mkdtemp(template));
}

typedef struct Case {
	const char *requires, *python;
	bool fits;
} Case;

static void test_python_versions(void **state)
{
	static const Case table[] = {
		{">=3.11,<3.13.0a1", "3.11", true},
		{">=3.11,<3.13.0a1", "3.12", true},
		{"<3.13.0a1,>=3.11", "3.13", false},
		{">=3.11, <3.13.0a1", "3.10", false},
		{">=3.11.4", "3.11", true},
		{"!=3.12.*,>=3.10", "3.12", false},
		{"==3.11.*", "3.11", true},
		{"~=3.11", "3.10", false},
	};
	AUTO(free_auto) char *root = scratch();
	AUTO(free_auto) char *package = path_join(root, "open_webui");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *requires = NULL;
		AUTO(free_auto)
		char *metadata = str_format(
			"Name: open-webui\nRequires-Python: %s\n\nRequires-Python: no\n",
			table[i].requires);
		bool fits = !table[i].fits;

		fake_file_at(root, "open_webui-0.8.0.dist-info/METADATA", metadata);
		assert_done(
			package_accepts_python(package, table[i].python, &fits, &requires, &err),
			&err);
		assert_string_equal(requires, table[i].requires);
		if (fits != table[i].fits)
			fail_msg("%s with %s", table[i].requires, table[i].python);
	}
	AUTO(err_clear) Err err = {0};
	assert_done(tree_remove(root, &err), &err);
}

static void test_latest_of_a_wheels_folder(void **state)
{
	static const char *const wheels[] = {"open_webui-0.9.6-py3-none-any.whl",
		"open_webui-0.10.2-py3-none-any.whl", "open_webui-0.11.2-py3-none-any.whl",
		"open_webui-0.12.0rc1-py3-none-any.whl", "open_webui_extra-9.0-py3-none-any.whl",
		"torch-2.0-py3-none-any.whl"};
	AUTO(free_auto) char *root = scratch();
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *version = NULL;
	Site site = {.wheels = root, .environment = root, .state_dir = root};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wheels); i++)
		fake_file_at(root, wheels[i], "");
	site.database.kind = DATABASE_SQLITE;
	assert_done(package_resolve(&site, "latest", &version, &err), &err);
	assert_string_equal(version, "0.10.2"); /* 0.11.2 cannot migrate, 0.12.0rc1 is not out */
	assert_done(tree_remove(root, &err), &err);
}

static void test_a_given_version_is_made_canonical(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *version = NULL;
	const Site site = {0};

	(void)state;
	assert_done(package_resolve(&site, "v0.8.0", &version, &err), &err);
	assert_string_equal(version, "0.8.0");
}

static void test_a_fetched_package_is_found_again(void **state)
{
	AUTO(free_auto) char *root = scratch();
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *package = NULL;
	Site site = {.environment = root, .state_dir = root, .installer = (char *)"none"};

	(void)state;
	fake_file_at(root, "packages/0.8.0/open_webui/__init__.py", "");
	assert_done(package_fetch(&site, "0.8.0", &package, &err), &err);
	assert_true(str_ends(package, "/packages/0.8.0/open_webui"));
	assert_done(tree_remove(root, &err), &err);
}

/* What a record may name: only such a folder as belay makes. */
static void test_a_half_fetched_package_is_swept(void **state)
{
	AUTO(free_auto) char *root = scratch();
	AUTO(free_auto) char *ours = str_format("/var/tmp/belay-fetch-%s", path_name(root));
	AUTO(free_auto) char *other = path_join(root, "other");
	AUTO(free_auto) char *roundabout = str_format("%s/../%s", ours, path_name(ours));
	const char *const named[] = {ours, other, roundabout};
	const Site site = {.state_dir = root};
	AUTO(err_clear) Err err = {0};

	(void)state;
	fake_file_at(other, "file", "");
	fake_file_at(root, "packages/.0.8.0.partial/open_webui/__init__.py", "");
	fake_file_at(root, "packages/0.7.2/open_webui/__init__.py", "");
	for (size_t i = COUNT_OF(named); i-- > 0;) {
		fake_file_at(ours, "tmp/file", "");
		fake_file_at(root, "packages/.0.8.0.fetching", named[i]);
		assert_done(package_sweep(&site, &err), &err);
		assert_int_equal(file_exists(ours), i != 0);
	}
	AUTO(free_auto) char *packages = path_join(root, "packages");
	AUTO(strlist_clear) StrList left = {0};
	assert_done(dir_list(packages, &left, &err), &err);
	assert_int_equal(left.len, 1);
	assert_string_equal(left.items[0], "0.7.2");
	assert_true(file_exists(other));
	assert_done(tree_remove(root, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_python_versions),
		cmocka_unit_test(test_latest_of_a_wheels_folder),
		cmocka_unit_test(test_a_given_version_is_made_canonical),
		cmocka_unit_test(test_a_fetched_package_is_found_again),
		cmocka_unit_test(test_a_half_fetched_package_is_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
