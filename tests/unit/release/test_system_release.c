/* Open WebUI without an environment: what is current, what is listed, and what is built from it. */
#include "base/text.h"
#include "fake_env.h"
#include "release/build.h"

#define PACKAGES "usr/lib/python3.11/dist-packages"

static const char python[] =
	"#!/bin/sh\n"
	"case \"$*\" in\n"
	"*compileall*) mkdir -p \"${0%/bin/python}/lib/python3.11/site-packages/open_webui/__pycache__\"\n"
	"  : >\"${0%/bin/python}/lib/python3.11/site-packages/open_webui/__pycache__/"
	"__init__.cpython-311.pyc\" ;;\n"
	"*'-I -B -'*) cat >/dev/null\n"
	"  { echo \"$0 $*\" >>\"${0%/tools/*}/asked\"; } 2>/dev/null\n"
	"  echo '{\"base\":\"/bin/sh\",\"venv\":false,\"freeze\":[],\"extra\":[\"own==1\"]}' ;;\n"
	"esac\n";

static const char uv[] =
	"#!/bin/sh\n"
	"[ \"$1\" != --version ] || exit 0\n"
	"echo \"$*\" >>\"${0%/tools/*}/asked\"\n"
	"for last; do :; done\n"
	"if [ \"$1\" = venv ]; then\n"
	"  mkdir -p \"$last/bin\" && cp \"${0%/uv}/python3.11\" \"$last/bin/python\"; exit\n"
	"fi\n"
	"packages=${4%/bin/python}/lib/python3.11/site-packages\n"
	"mkdir -p \"$packages/open_webui/data\" \"$packages/open_webui-0.7.2.dist-info\"\n"
	": >\"$packages/open_webui/__init__.py\"\n"
	": >\"$packages/open_webui-0.7.2.dist-info/METADATA\"\n"
	": >\"$packages/open_webui-0.7.2.dist-info/RECORD\"\n";

static char *below(const FakeSite *fake, const char *name)
{
	return path_join(fake->root, name);
}

static int system_setup(void **state)
{
	FakeSite *fake;
	AUTO(free_auto) char *uv_path = NULL;
	AUTO(free_auto) char *path = NULL;

	fake_setup(state);
	fake = *state;
	if (!tree_remove(fake->site.environment, &fake->err))
		return -1;
	fake->site.system_script = below(fake, "usr/bin/open-webui");
	fake->site.system_python = below(fake, "tools/python3.11");
	fake->site.installer = str_dup("uv");
	uv_path = below(fake, "tools/uv");
	path = str_format("%s/tools:/usr/bin:/bin", fake->root);
	fake_file(fake->site.system_script, "#!/usr/bin/python3\n", 0755);
	fake_file(fake->site.system_python, python, 0755);
	fake_file(uv_path, uv, 0755);
	fake_file_at(fake->root, PACKAGES "/open_webui/__init__.py", "");
	fake_file_at(fake->root, PACKAGES "/open_webui-0.7.2.dist-info/METADATA", "");
	fake_file_at(fake->root, PACKAGES "/open_webui-0.7.2.dist-info/RECORD", "");
	setenv("PATH", path, 1);
	return 0;
}

static int system_teardown(void **state)
{
	FakeSite *fake = *state;

	free(fake->site.system_script);
	free(fake->site.system_python);
	free(fake->site.installer);
	return fake_teardown(state);
}

static void the_systems_is_current_until_there_is_an_environment(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release before = {0};
	AUTO(release_clear) Release after = {0};
	AUTO(free_auto) char *prefix = below(fake, "usr");
	AUTO(free_auto) char *packages = below(fake, PACKAGES);

	assert_done(release_current(&fake->site, &before, &fake->err), &fake->err);
	assert_string_equal(before.version, "0.7.2");
	assert_string_equal(before.path, prefix);
	assert_string_equal(before.site_packages, packages);
	assert_string_equal(before.python, fake->site.system_python);
	assert_string_equal(before.python_version, "3.11");
	assert_true(before.system);
	assert_false(before.ours);
	fake_env(fake->site.environment, "0.8.0");
	assert_done(release_current(&fake->site, &after, &fake->err), &fake->err);
	assert_string_equal(after.version, "0.8.0");
	assert_false(after.system);
}

static void the_list_has_it_too(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_list_clear) ReleaseList list = {0};

	assert_done(release_list(&fake->site, &list, &fake->err), &fake->err);
	assert_int_equal(list.len, 1);
	assert_string_equal(list.items[0].version, "0.7.2");
}

static void one_that_is_gone_is_named(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release current = {0};
	AUTO(free_auto) char *record = below(fake, PACKAGES "/open_webui-0.7.2.dist-info/RECORD");

	assert_done(file_remove(record, &fake->err), &fake->err);
	assert_error(release_current(&fake->site, &current, &fake->err), &fake->err, ERR_VERIFY);
	assert_part(fake->err.text, "no complete Open WebUI");
}

static void the_same_version_is_built_with_its_packages_and_settings(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release current = {0};
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *asked_path = below(fake, "asked");
	AUTO(free_auto) char *asked = NULL;
	AUTO(free_auto) char *where = NULL;
	AUTO(free_auto) char *dotenv = path_join(fake->releases, "0.7.2/lib/python3.11/.env");

	fake_file_at(fake->root, "usr/lib/python3.11/.env", "DATABASE_URL=x\n");
	assert_done(release_current(&fake->site, &current, &fake->err), &fake->err);
	assert_done(
		release_build(&fake->site, &current, "0.7.2", NULL, &made, &fake->err), &fake->err);
	assert_true(made.ours);
	assert_false(made.system);
	assert_true(file_exists(dotenv));
	assert_done(file_read(asked_path, 65536, &asked, NULL, &fake->err), &fake->err);
	where = str_format("-I -B - --packages=%s/" PACKAGES "\n", fake->root);
	assert_part(asked, where);
	assert_part(asked, " --python /bin/sh ");
	assert_part(asked, " open-webui==0.7.2 own==1\n");
	assert_false(file_exists(fake->site.environment));
}

#define SYSTEM_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, system_setup, system_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM_TEST(the_systems_is_current_until_there_is_an_environment),
		SYSTEM_TEST(the_list_has_it_too),
		SYSTEM_TEST(one_that_is_gone_is_named),
		SYSTEM_TEST(the_same_version_is_built_with_its_packages_and_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
