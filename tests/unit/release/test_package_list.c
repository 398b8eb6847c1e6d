/* Which versions there are and who can install them: asked of fakes of uv, pip and Python. */
#include "release/package_list.h"

#include <pwd.h>

#include "base/text.h"
#include "fake_env.h"
#include "release/installer.h"

typedef struct Index {
	FakeSite *fake;
	char *python; /* of the environment */
} Index;

static int index_setup(void **state)
{
	Index *index = NEW(Index);
	void *fake = NULL;

	assert_int_equal(fake_setup(&fake), 0);
	index->fake = fake;
	index->python = path_join(index->fake->site.environment, "bin/python");
	index->fake->site.installer = str_dup("auto");
	/* Nothing of this machine's: no uv, no pip. */
	setenv("PATH", index->fake->root, 1);
	*state = index;
	return 0;
}

static int index_teardown(void **state)
{
	Index *index = *state;
	Site *site = &index->fake->site;
	void *fake = index->fake;

	setenv("PATH", "/usr/bin:/bin", 1);
	free(site->installer);
	free(site->wheels);
	free(site->overrides);
	free(index->python);
	free(index);
	return fake_teardown(&fake);
}

#define INDEX_TEST(function) cmocka_unit_test_setup_teardown(function, index_setup, index_teardown)

/* `answers`: shell cases of what it reads, "open-webui<0.9.0) echo open-webui==0.8.0 ;;" */
static void put_uv(const Index *index, const char *answers)
{
	AUTO(free_auto) char *path = path_join(index->fake->root, "uv");
	AUTO(free_auto)
	char *text = str_format("#!/bin/sh\n[ \"$1\" != --version ] || exit 0\nread -r asked\n"
				"case $asked in\n%s\n*) exit 1 ;;\nesac\n",
		answers);

	fake_file(path, text, 0755);
}

static void put_python(const Index *index, const char *text)
{
	assert_int_equal(unlink(index->python), 0);
	fake_file(index->python, text, 0755);
}

static char *versions(const Index *index, Err *err)
{
	AUTO(strlist_clear) StrList list = {0};

	if (!package_versions(&index->fake->site, index->python, "0.7.2", &list, err))
		return NULL;
	return strlist_join(&list, " ");
}

static void expect_versions(const Index *index, const char *wanted)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *got = versions(index, &err);

	if (!got)
		fail_msg("%s", err.text);
	assert_string_equal(got, wanted);
}

/* ---- which versions ---- */

static void uv_is_asked_for_the_newest_few(void **state)
{
	put_uv(*state, "open-webui) echo open-webui==0.12.4 ;;\n"
		       "'open-webui<0.12.4') echo open-webui==0.12.3 ;;\n"
		       "'open-webui<0.12.3') echo open-webui==0.12.2 ;;\n"
		       "'open-webui<0.12.2') echo open-webui==0.12.1 ;;");
	expect_versions(*state, "0.12.4 0.12.3 0.12.2");
}

/* Three of them are no use when none can be upgraded to. */
static void uv_is_asked_on_until_one_is_good(void **state)
{
	put_uv(*state, "open-webui) echo open-webui==0.11.2 ;;\n"
		       "'open-webui<0.11.2') echo open-webui==0.8.5 ;;\n"
		       "'open-webui<0.8.5') echo open-webui==0.8.4 ;;\n"
		       "'open-webui<0.8.4') echo open-webui==0.7.3 ;;");
	expect_versions(*state, "0.11.2 0.8.5 0.8.4 0.7.3");
}

static void the_oldest_one_ends_the_list(void **state)
{
	put_uv(*state, "open-webui) echo open-webui==0.8.0 ;;\n"
		       "'open-webui<0.8.0') echo open-webui==0.7.2 ;;");
	expect_versions(*state, "0.8.0 0.7.2");
	/* An index that answers the same again and again. */
	put_uv(*state, "open-webui*) echo open-webui==0.8.0 ;;");
	expect_versions(*state, "0.8.0");
}

static void an_index_that_does_not_answer(void **state)
{
	AUTO(err_clear) Err err = {0};

	put_uv(*state,
		"open-webui) echo 'error: Failed to fetch: `http://127.0.0.1:1/`' >&2; exit 2 ;;");
	assert_null(versions(*state, &err));
	assert_int_equal(err.kind, ERR_NETWORK);
	assert_part(err.text, "looking for the versions of open-webui");
}

static void pip_lists_them(void **state)
{
	put_python(*state, "#!/bin/sh\n[ \"$3\" != --version ] || exit 0\n"
			   "echo 'open-webui (0.12.4)'\n"
			   "echo 'Available versions: 0.8.0, 0.12.4, 0.13.0.dev1, 0.7.2'\n");
	expect_versions(*state, "0.12.4 0.8.0 0.7.2");
	put_python(*state, "#!/bin/sh\nexit 0\n");
	{
		AUTO(err_clear) Err err = {0};

		assert_null(versions(*state, &err));
		assert_part(err.text, "pip did not list the versions");
	}
}

static void a_folder_of_wheels(void **state)
{
	Index *index = *state;
	AUTO(err_clear) Err err = {0};

	index->fake->site.wheels = path_join(index->fake->root, "wheels");
	fake_file_at(index->fake->site.wheels, "sqlalchemy-2.0-py3-none-any.whl", "");
	assert_null(versions(index, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_part(err.hint, "pip download --dest");
	fake_file_at(index->fake->site.wheels, "open_webui-0.8.0-py3-none-any.whl", "");
	fake_file_at(index->fake->site.wheels, "open_webui-0.12.4-py3-none-any.whl", "");
	expect_versions(index, "0.12.4 0.8.0");
}

/* ---- who installs ---- */

static void nobody_can_install(void **state)
{
	static const char no_pip[] = "#!/bin/sh\nexit 1\n";
	static const char with_pip[] = "#!/bin/sh\nexit 0\n";
	static const struct {
		const char *installer, *overrides, *python, *text, *hint;
	} cases[] = {
		{"uv", NULL, with_pip, "asks for uv, which was not found", "-m pip install uv"},
		{"uv", NULL, no_pip, "asks for uv, which was not found", "-m ensurepip && "},
		{"auto", "/ov.txt", with_pip, "'overrides' of the site file needs uv",
			"-m pip install uv"},
		{"auto", NULL, no_pip, "neither uv nor pip was found", "-m ensurepip"},
		{"pip", NULL, no_pip, "neither uv nor pip was found", "-m ensurepip"},
	};
	Index *index = *state;
	Site *site = &index->fake->site;
	const struct passwd *me = getpwuid(geteuid());
	AUTO(free_auto) char *own = me ? path_join(me->pw_dir, ".local/bin/uv") : NULL;

	if (own && file_exists(own))
		skip(); /* it is looked for there too */
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(installer_clear) Installer installer = {0};
		AUTO(err_clear) Err err = {0};

		put_python(index, cases[i].python);
		str_replace(&site->installer, cases[i].installer);
		str_replace(&site->overrides, cases[i].overrides);
		assert_error(
			installer_choose(site, index->python, &installer, &err), &err, ERR_REFUSED);
		assert_part(err.text, cases[i].text);
		assert_part(err.hint, cases[i].hint);
	}
}

static void uv_comes_before_pip_unless_told(void **state)
{
	Index *index = *state;
	AUTO(installer_clear) Installer first = {0};
	AUTO(installer_clear) Installer told = {0};
	AUTO(err_clear) Err err = {0};

	put_uv(index, "");
	assert_done(installer_choose(&index->fake->site, index->python, &first, &err), &err);
	assert_int_equal(first.kind, INSTALLER_UV);
	str_replace(&index->fake->site.installer, "pip");
	assert_done(installer_choose(&index->fake->site, index->python, &told, &err), &err);
	assert_int_equal(told.kind, INSTALLER_PIP);
	assert_string_equal(told.program, index->python);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INDEX_TEST(uv_is_asked_for_the_newest_few),
		INDEX_TEST(uv_is_asked_on_until_one_is_good),
		INDEX_TEST(the_oldest_one_ends_the_list),
		INDEX_TEST(an_index_that_does_not_answer),
		INDEX_TEST(pip_lists_them),
		INDEX_TEST(a_folder_of_wheels),
		INDEX_TEST(nobody_can_install),
		INDEX_TEST(uv_comes_before_pip_unless_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
