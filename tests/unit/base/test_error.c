#include "unit.h"

#include <errno.h>
#include <libintl.h>
#include <locale.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/redact.h"

static void sets_wraps_hints(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};

	assert_false(err_fail(&err, ERR_VERIFY, "'%s' has %d rows", "chat", 3));
	assert_false(err_wrap(&err, "comparing %s", "counts"));
	assert_false(err_hint(&err, "first"));
	assert_false(err_hint(&err, "belay %s", "status"));
	assert_int_equal(err.kind, ERR_VERIFY);
	assert_string_equal(err.text, "comparing counts: 'chat' has 3 rows");
	assert_string_equal(err.local, err.text);
	assert_string_equal(err.hint, "belay status");
	assert_part(err.file, "test_error.c");
	assert_true(err.line > 0);
}

static void several_findings_are_one_error(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};

	assert_false(err_also(&err, ERR_REFUSED, "role %s", "a"));
	assert_string_equal(err.text, "role a");
	assert_false(err_also(&err, ERR_VERIFY, "slot %d", 2));
	assert_string_equal(err.text, "role a; slot 2");
	assert_string_equal(err.local, err.text);
	assert_int_equal(err.kind, ERR_REFUSED);
}

static void setting_again_starts_anew(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};

	err_fail(&err, ERR_VERIFY, "first");
	err_hint(&err, "a hint");
	/* from its own text, as a caller that turns one error into another does */
	err_fail(&err, ERR_REFUSED, "second after %s", err.text);
	assert_string_equal(err.text, "second after first");
	assert_null(err.hint);
}

static void system_errors_keep_their_number(void **state UNUSED)
{
	static const struct {
		int sys;
		ErrKind kind;
		const char *text;
	} cases[] = {
		{ENOENT, ERR_IO, "cannot open 'x': No such file or directory"},
		{ENOSPC, ERR_NO_SPACE, "cannot open 'x': No space left on device"},
		{EDQUOT, ERR_NO_SPACE, "cannot open 'x': Disk quota exceeded"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};

		errno = cases[i].sys;
		err_fail_sys(&err, "cannot open '%s'", "x");
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(err.sys, cases[i].sys);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void secrets_are_masked(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};

	redact_add("hunter2");
	err_fail(&err, ERR_IO, "password %s", "hunter2");
	err_wrap(&err, "with %s", "hunter2");
	err_hint(&err, "try %s", "hunter2");
	assert_string_equal(err.text, "with ***: password ***");
	assert_string_equal(err.local, "with ***: password ***");
	assert_string_equal(err.hint, "try ***");
	assert_string_equal(err.hint_local, "try ***");
	redact_forget();
}

static void moves(void **state UNUSED)
{
	AUTO(err_clear) Err from = {0};
	AUTO(err_clear) Err to = {0};

	err_fail(&from, ERR_BUSY, "busy");
	err_move(&to, &from);
	assert_int_equal(from.kind, ERR_NONE);
	assert_null(from.text);
	assert_string_equal(to.text, "busy");
	err_clear(&to);
	err_clear(&to);
}

static void every_kind_has_status_and_slug(void **state UNUSED)
{
	assert_int_equal(err_exit_status(ERR_NONE), 0);
	assert_int_equal(err_exit_status(ERR_REFUSED), 3);
	assert_int_equal(err_exit_status(ERR_INTERRUPTED), 130);
	assert_string_equal(err_slug(ERR_NO_SPACE), "no-space");
	for (ErrKind kind = ERR_USAGE; kind <= ERR_INTERRUPTED; kind++) {
		assert_true(err_exit_status(kind) > 0);
		for (ErrKind other = ERR_USAGE; other < kind; other++)
			assert_string_not_equal(err_slug(other), err_slug(kind));
	}
}

/* A catalogue of two texts, as msgfmt would write it (sorted by original). */
static void write_catalogue(const char *path)
{
	static const char *const pairs[][2] = {
		{"", "Content-Type: text/plain; charset=UTF-8\n"},
		{"%s has %d rows", "%2$d rows: %1$s"},
	};
	uint32_t words[7 + 8] = {0x950412de, 0, 2, 28, 28 + 16, 0, 0};
	uint32_t offset = sizeof(words);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < 2; i++) {
			uint32_t len = (uint32_t)strlen(pairs[i][side]);

			words[7 + side * 4 + i * 2] = len;
			words[7 + side * 4 + i * 2 + 1] = offset;
			offset += len + 1;
		}
	}
	fwrite(words, sizeof(words), 1, file);
	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < 2; i++)
			fwrite(pairs[i][side], strlen(pairs[i][side]) + 1, 1, file);
	}
	fclose(file);
}

static void speaks_two_languages(void **state UNUSED)
{
	AUTO(err_clear) Err err = {0};
	char root[] = "/tmp/belay-test-XXXXXX";
	AUTO(free_auto) char *file = NULL;
	static const char *const parts[] = {"xx", "xx/LC_MESSAGES"};

	if (!setlocale(LC_ALL, "C.UTF-8"))
		skip();
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < 2; i++) {
		AUTO(free_auto) char *folder = str_format("%s/%s", root, parts[i]);

		assert_int_equal(mkdir(folder, 0700), 0);
	}
	file = str_format("%s/xx/LC_MESSAGES/belaytest.mo", root);
	write_catalogue(file);
	setenv("LANGUAGE", "xx", 1);
	bindtextdomain("belaytest", root);
	textdomain("belaytest");
	err_fail(&err, ERR_VERIFY, "%s has %d rows", "chat", 3);
	err_wrap(&err, "untranslated %d", 7);
	unlink(file);
	for (size_t i = 2; i > 0; i--) {
		AUTO(free_auto) char *folder = str_format("%s/%s", root, parts[i - 1]);

		rmdir(folder);
	}
	rmdir(root);
	assert_string_equal(err.text, "untranslated 7: chat has 3 rows");
	assert_string_equal(err.local, "untranslated 7: 3 rows: chat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_wraps_hints),
		cmocka_unit_test(several_findings_are_one_error),
		cmocka_unit_test(setting_again_starts_anew),
		cmocka_unit_test(system_errors_keep_their_number),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(moves),
		cmocka_unit_test(every_kind_has_status_and_slug),
		cmocka_unit_test(speaks_two_languages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
