/* The command line against the tables: what is taken, and what is said about the rest. */
#include "unit.h"

#include "base/list.h"
#include "base/mem.h"
#include "cli/commands.h"

static bool parse(const char *line, Args *args, Err *err)
{
	AUTO(strlist_clear) StrList argv = {0};

	strlist_add(&argv, "belay");
	strlist_split(&argv, line, " ");
	return args_parse((int)argv.len, argv.items, args, err);
}

static void test_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--json --site lab upgrade --plan 0.8.0",
		"upgrade 0.8.0 --plan --site=lab --json",
		"--plan --site lab --json upgrade 0.8.0",
		"--site upgrade --site lab --json upgrade --plan -- 0.8.0",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		AUTO(args_clear) Args args = {0};
		AUTO(err_clear) Err err = {0};

		assert_done(parse(lines[i], &args, &err), &err);
		assert_string_equal(args.command->name, "upgrade");
		assert_true(args_flag(&args, "plan"));
		assert_true(args_flag(&args, "json"));
		assert_false(args_flag(&args, "yes"));
		assert_string_equal(args_value(&args, "site"), "lab");
		assert_string_equal(args_word(&args, 0), "0.8.0");
		assert_null(args_word(&args, 1));
	}
}

static void test_adopt_takes_every_site_key(void **state)
{
	(void)state;
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(args_clear) Args args = {0};
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *option = option_of_key(key);
		AUTO(free_auto) char *line = str_format("adopt --%s x=y", option);

		assert_null(strchr(option, '_'));
		assert_done(parse(line, &args, &err), &err);
		assert_string_equal(args_value(&args, option), "x=y");
	}
}

static void test_wrong_lines_and_what_is_near(void **state)
{
	static const struct {
		const char *line, *text, *hint;
	} rows[] = {
		{"upgarde", "there is no command 'upgarde'", "did you mean 'upgrade'?"},
		{"zzzzzzzz", "there is no command 'zzzzzzzz'", "belay --help"},
		{"--jsn status", "no option '--jsn'", "did you mean '--json'?"},
		{"rollback --accept-los", "'belay rollback' has no option", "--accept-loss"},
		{"status --accept-loss", "has no option '--accept-loss'", "belay status --help"},
		{"status --wheels=x", "has no option '--wheels'", NULL},
		{"status -x", "has no option '-x'", NULL},
		{"adopt --databse-url x", "has no option", "did you mean '--database-url'?"},
		{"--yes=no upgrade", "option '--yes' takes no value", NULL},
		{"status --site", "option '--site' needs a value", "belay status --help"},
		{"upgrade 0.8.0 0.9.0", "what to do with '0.9.0'", "belay upgrade --help"},
		{"restore", "'belay restore' needs SET", "belay restore --help"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(args_clear) Args args = {0};
		AUTO(err_clear) Err err = {0};

		assert_error(parse(rows[i].line, &args, &err), &err, ERR_USAGE);
		assert_part(err.text, rows[i].text);
		if (rows[i].hint)
			assert_part(err.hint, rows[i].hint);
	}
}

static void test_help_needs_no_operands(void **state)
{
	static const char *const lines[] = {"restore --help", "restore -h", "--help restore"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		AUTO(args_clear) Args args = {0};
		AUTO(err_clear) Err err = {0};

		assert_done(parse(lines[i], &args, &err), &err);
		assert_true(args_flag(&args, "help"));
		assert_string_equal(args.command->name, "restore");
	}
}

static void test_nothing_is_no_command(void **state)
{
	AUTO(args_clear) Args args = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	assert_done(parse("--json", &args, &err), &err);
	assert_null(args.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_adopt_takes_every_site_key),
		cmocka_unit_test(test_wrong_lines_and_what_is_near),
		cmocka_unit_test(test_help_needs_no_operands),
		cmocka_unit_test(test_nothing_is_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
