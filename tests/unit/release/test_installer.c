#include "release/installer.h"

#include "unit.h"

typedef struct Case {
	InstallerKind kind;
	const char *said;
	ErrKind wanted;
} Case;

/* Missing versions and refused connections as uv 0.13.9 and pip 23.2 print them. */
static void test_failures_are_told_apart(void **state)
{
	static const Case table[] = {
		{INSTALLER_UV,
			"error: No solution found when resolving dependencies\n  cause: Because there "
			"is no version of open-webui==9.9.9 and you require open-webui==9.9.9",
			ERR_REFUSED},
		{INSTALLER_UV,
			"error: Failed to fetch: `http://127.0.0.1:1/simple/`\n cause: error sending "
			"request for url",
			ERR_NETWORK},
		{INSTALLER_UV,
			"error: failed to copy\n  cause: No space left on device (os error 28)",
			ERR_NO_SPACE},
		{INSTALLER_PIP,
			"ERROR: Could not find a version that satisfies the requirement "
			"open-webui==9.9.9 (from versions: 0.1, 0.2)\nERROR: No matching distribution",
			ERR_REFUSED},
		{INSTALLER_PIP,
			"Looking in indexes: http://127.0.0.1:1/simple\nERROR: Could not find a "
			"version that satisfies the requirement open-webui==0.8.1 (from versions: "
			"none)",
			ERR_NETWORK},
		{INSTALLER_PIP,
			"WARNING: Retrying after connection broken by 'NewConnectionError: Failed to "
			"establish a new connection'\nERROR: No matching distribution",
			ERR_NETWORK},
		{INSTALLER_PIP,
			"ERROR: Could not install packages due to an OSError: [Errno 28] No "
			"space left on device",
			ERR_NO_SPACE},
		{INSTALLER_PIP, "Segmentation fault", ERR_EXEC},
		{INSTALLER_UV, "", ERR_EXEC},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		AUTO(err_clear) Err err = {0};

		assert_false(installer_explain(table[i].kind, table[i].said, &err));
		if (err.kind != table[i].wanted)
			fail_msg("%s: %s", err_slug(err.kind), table[i].said);
		assert_true(err.kind == ERR_EXEC || err.hint);
	}
}

static void test_the_reason_is_shown(void **state)
{
	AUTO(err_clear) Err err = {0};

	(void)state;
	installer_explain(
		INSTALLER_UV, "error: No solution found\n  cause: Because there is no x", &err);
	assert_part(err.text, "Because there is no x");
}

static char *argv_of(InstallerKind kind, const Site *site, const InstallSpec *want)
{
	const Installer installer = {.site = site,
		.kind = kind,
		.program = kind == INSTALLER_UV ? (char *)"/uv" : (char *)"/python"};
	AUTO(strlist_clear) StrList argv = {0};

	installer_argv(&installer, want, &argv);
	return strlist_join(&argv, " ");
}

static void test_argv(void **state)
{
	const Site site = {.overrides = (char *)"/ov.txt", .wheels = (char *)"/wheels"};
	const Site plain = {0};
	const InstallSpec full = {
		.python = "/env/bin/python", .wants = ARGV("open-webui[all]==0.8.0")};
	const InstallSpec fetch = {.python = "/env/bin/python",
		.target = "/t",
		.wants = ARGV("open-webui==0.8.0"),
		.no_deps = true,
		.no_build = true};
	AUTO(free_auto) char *uv = argv_of(INSTALLER_UV, &site, &full);
	AUTO(free_auto) char *uv_fetch = argv_of(INSTALLER_UV, &plain, &fetch);
	AUTO(free_auto) char *pip = argv_of(INSTALLER_PIP, &plain, &full);
	AUTO(free_auto) char *pip_fetch = argv_of(INSTALLER_PIP, &plain, &fetch);

	(void)state;
	assert_string_equal(uv, "/uv pip install --python /env/bin/python --compile-bytecode "
				"--override /ov.txt --no-index --find-links /wheels "
				"open-webui[all]==0.8.0");
	assert_string_equal(uv_fetch,
		"/uv pip install --python /env/bin/python --target /t --no-deps "
		"--only-binary :all: open-webui==0.8.0");
	assert_string_equal(pip, "/python -m pip install open-webui[all]==0.8.0");
	assert_string_equal(pip_fetch, "/python -m pip install --target /t --no-compile --no-deps "
				       "--only-binary :all: open-webui==0.8.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures_are_told_apart),
		cmocka_unit_test(test_the_reason_is_shown),
		cmocka_unit_test(test_argv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
