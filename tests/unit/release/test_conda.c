/* Releases of a conda environment: cloned by the conda program, then Open WebUI installed into the
 * clone. The program here does what conda promises for a clone: a copy with everything in it. */
#include "base/text.h"
#include "fake_env.h"
#include "release/build.h"
#include "release/data_home.h"
#include "release/marker.h"

static const char conda[] =
	"#!/bin/sh\n"
	"printf '%%s\\n' \"$@\" >'%s/conda.argv'\n"
	"[ ! -e '%s/conda-fails' ] || { echo 'PackagesNotFoundError: offline' >&2; exit 1; }\n"
	"[ $# = 8 ] && [ \"$1 $2 $3 $4 $5\" = 'create --yes --quiet --offline --clone' ] || exit 2\n"
	"[ \"$7\" = --prefix ] && [ ! -e \"$8\" ] || exit 2\n"
	"cp -a \"$6\" \"$8\"\n";

/* uv replaces the package in the clone. */
static const char uv[] =
	"#!/bin/sh\n"
	"[ \"$1\" != --version ] || exit 0\n"
	"[ \"$1\" != venv ] || { echo 'a venv of a conda environment' >&2; exit 1; }\n"
	"packages=${4%/bin/python}/lib/python3.11/site-packages\n"
	"rm -rf \"$packages\"/open_webui-*.dist-info\n"
	"mkdir -p \"$packages/open_webui/data\" \"$packages/open_webui-0.8.0.dist-info\"\n"
	": >\"$packages/open_webui/data/readme.txt\"\n"
	": >\"$packages/open_webui-0.8.0.dist-info/METADATA\"\n"
	": >\"$packages/open_webui-0.8.0.dist-info/RECORD\"\n";

static const char python[] =
	"#!/bin/sh\n"
	"packages=${0%/bin/python}/lib/python3.11/site-packages\n"
	"case \"$*\" in\n"
	"*compileall*) mkdir -p \"$packages/open_webui/__pycache__\"\n"
	"  : >\"$packages/open_webui/__pycache__/__init__.cpython-311.pyc\" ;;\n"
	"*'-I -B -'*) cat >/dev/null\n"
	"  echo '{\"base\":\"/bin/sh\",\"venv\":false,\"freeze\":[],\"extra\":[\"own==1\"]}' ;;\n"
	"esac\n";

static int conda_setup(void **state)
{
	FakeSite *fake;
	AUTO(free_auto) char *python_path = NULL;
	AUTO(free_auto) char *uv_path = NULL;
	AUTO(free_auto) char *path = NULL;

	fake_setup(state);
	fake = *state;
	python_path = path_join(fake->site.environment, "bin/python");
	uv_path = path_join(fake->root, "tools/uv");
	path = str_format("%s/tools:/usr/bin:/bin", fake->root);
	fake_file(python_path, python, 0755);
	fake_file(uv_path, uv, 0755);
	fake_file_at(fake->site.environment, "conda-meta/history", "==> 2026-01-01 00:00:00 <==\n");
	fake->site.installer = str_dup("uv");
	setenv("PATH", path, 1);
	unsetenv("CONDA_EXE");
	return 0;
}

static int conda_teardown(void **state)
{
	FakeSite *fake = *state;

	free(fake->site.installer);
	return fake_teardown(state);
}

static void put_conda(const FakeSite *fake, const char *folder)
{
	AUTO(free_auto) char *path = str_format("%s/%s/conda", fake->root, folder);
	AUTO(free_auto) char *text = str_format(conda, fake->root, fake->root);

	fake_file(path, text, 0755);
}

static bool build(FakeSite *fake, Release *ret)
{
	AUTO(release_clear) Release current = {0};

	assert_done(release_current(&fake->site, &current, &fake->err), &fake->err);
	assert_true(current.conda);
	return release_build(&fake->site, &current, "0.8.0", NULL, ret, &fake->err);
}

static void a_release_is_a_clone_with_the_new_version(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *argv_file = path_join(fake->root, "conda.argv");
	AUTO(free_auto) char *argv = NULL;
	AUTO(free_auto) char *wanted = NULL;

	put_conda(fake, "tools");
	assert_done(build(fake, &made), &fake->err);
	assert_string_equal(made.version, "0.8.0");
	assert_true(made.conda);
	assert_true(made.ours);
	assert_done(file_read(argv_file, 4096, &argv, NULL, &fake->err), &fake->err);
	wanted = str_format("create\n--yes\n--quiet\n--offline\n--clone\n%s\n--prefix\n%s/0.8.0\n",
		fake->site.environment, fake->releases);
	assert_string_equal(argv, wanted);
}

static void the_program_is_found_where_it_usually_lies(void **state)
{
	static const char *const places[] = {"named", "bin"};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		FakeSite *fake = *state;
		AUTO(release_clear) Release made = {0};
		AUTO(free_auto) char *named = path_join(fake->root, "named/conda");

		put_conda(fake, places[i]);
		if (i == 0) {
			setenv("CONDA_EXE", named, 1);
		} else { /* ROOT/bin/conda made ROOT/envs/webui */
			AUTO(free_auto) char *env = path_join(fake->root, "envs/webui");

			str_replace(&fake->site.environment, env);
			fake_env(fake->site.environment, "0.7.2");
			fake_file_at(fake->site.environment, "conda-meta/history", "");
			AUTO(free_auto) char *own = path_join(fake->site.environment, "bin/python");
			fake_file(own, python, 0755);
		}
		assert_done(build(fake, &made), &fake->err);
		assert_done(tree_remove(made.path, &fake->err), &fake->err);
		unsetenv("CONDA_EXE");
	}
}

static void without_the_program_it_is_refused_by_name(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};

	assert_error(build(fake, &made), &fake->err, ERR_REFUSED);
	assert_part(fake->err.text, "conda environment and there is no 'conda' program");
	assert_part(fake->err.hint, "CONDA_EXE=");
}

static void a_failed_clone_says_what_conda_said(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto) char *path = path_join(fake->releases, "0.8.0");

	put_conda(fake, "tools");
	fake_file_at(fake->root, "conda-fails", "");
	assert_false(build(fake, &made));
	assert_part(fake->err.text, "cloning the conda environment");
	assert_part(fake->err.text, "PackagesNotFoundError");
	assert_false(file_exists(path));
}

/* What a clone must not have: the marker of the release it is a clone of, and a copy of the data,
 * which would be in the way of the link to the data. */
static void marker_and_data_are_not_cloned(void **state)
{
	FakeSite *fake = *state;
	AUTO(release_clear) Release made = {0};
	AUTO(free_auto)
	char *old = path_join(
		fake->site.environment, "lib/python3.11/site-packages/open_webui/data/webui.db");
	AUTO(json_release_auto) json_t *marker = NULL;
	DataHome home;

	put_conda(fake, "tools");
	fake_file(old, "rows", 0600);
	fake_file_at(fake->site.environment, RELEASE_MARKER, "{\"version\":\"0.7.2\"}");
	assert_done(build(fake, &made), &fake->err);
	assert_done(data_home_state(&fake->site, &made, &home, &fake->err), &fake->err);
	assert_int_equal(home, DATA_NEITHER);
	assert_true(file_exists(old));
	assert_done(marker_read(made.path, &marker, &fake->err), &fake->err);
	assert_string_equal(json_str(marker, "version"), "0.8.0");
}

#define CONDA_TEST(function) cmocka_unit_test_setup_teardown(function, conda_setup, conda_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONDA_TEST(a_release_is_a_clone_with_the_new_version),
		CONDA_TEST(the_program_is_found_where_it_usually_lies),
		CONDA_TEST(without_the_program_it_is_refused_by_name),
		CONDA_TEST(a_failed_clone_says_what_conda_said),
		CONDA_TEST(marker_and_data_are_not_cloned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
