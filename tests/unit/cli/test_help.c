/* --help fits a terminal of 80 columns in both languages, and tells every option. */
#include "unit.h"

#include <fcntl.h>
#include <libintl.h>
#include <locale.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/help.h"
#include "report/columns.h"

static char *help_text(const Command *command)
{
	char path[] = "/tmp/belay-help-XXXXXX";
	int fd = mkstemp(path);
	char *text = mem_new(1, 65536);
	Out out;

	assert_true(fd >= 0);
	unlink(path);
	out_init(&out, fd, false);
	help_show(command, &out);
	out_finish(&out);
	assert_true(pread(fd, text, 65535, 0) > 0);
	out_clear(&out);
	close(fd);
	return text;
}

static void fits(const Command *command)
{
	AUTO(free_auto) char *text = help_text(command);
	char *next = NULL;

	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		if (columns_of(line) > 80)
			fail_msg("%s: %d columns: %s", command ? command->name : "belay",
				columns_of(line), line);
		assert_true(line[strlen(line) - 1] != ' ');
	}
}

static void all_fit(void)
{
	fits(NULL);
	for (const Command *command = commands; command->name; command++)
		fits(command);
}

static void test_english_fits(void **state)
{
	(void)state;
	setenv("LANGUAGE", "en", 1);
	all_fit();
}

static void test_korean_fits(void **state)
{
	AUTO(free_auto) char *text = NULL;

	(void)state;
	setenv("LANGUAGE", "ko", 1);
	bindtextdomain("belay", PO_DIR);
	textdomain("belay");
	text = help_text(NULL);
	if (!strstr(text, "사용법"))
		skip(); /* the catalogue was not built */
	all_fit();
}

static void test_every_command_and_option_is_told(void **state)
{
	AUTO(free_auto) char *all = help_text(NULL);

	(void)state;
	for (const Command *command = commands; command->name; command++) {
		AUTO(free_auto) char *text = help_text(command);

		assert_part(all, command->name);
		for (const OptionDef *option = command->options; option && option->name; option++)
			assert_part(text, option->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_english_fits),
		cmocka_unit_test(test_every_command_and_option_is_told),
		cmocka_unit_test(test_korean_fits),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
