#include "unit.h"

#include "base/text.h"
#include "config/webui_env.h"

typedef struct Row {
	const char *text;
	const char *wanted; /* NAME=value lines */
} Row;

/* Each row was compared with python-dotenv's dotenv_values(). HOST is set in the environment. */
static const Row rows[] = {
	{"A=1\nB=2\n", "A=1\nB=2\n"},
	{"A = 1 # note\n", "A=1\n"},
	{"A=1#2\n", "A=1#2\n"},
	{"A=#2\n", "A=#2\n"},
	{"A= # note\nB=2", "A=\nB=2\n"},
	{"# A=1\nexport B=2\n", "B=2\n"},
	{"A='x # y' # z\n", "A=x # y\n"},
	{"A=\"x\\ty\\\"z\"\n", "A=x\ty\"z\n"},
	{"A='x\\ty'\n", "A=x\\ty\n"},
	{"A=\"two\nlines\"\nB=1\n", "A=two\nlines\nB=1\n"},
	{"A=x\\ty\n", "A=x\\ty\n"},
	{"A\nB=1\n", "B=1\n"},
	{"A=\nB=1\n", "A=\nB=1\n"},
	{"=1\nB=1\n", "B=1\n"},
	{"A='open\nB=1\n", "B=1\n"},
	{"A=\"x\" junk\nB=1\n", "B=1\n"},
	{"A=1\nA=2\n", "A=2\n"},
	{"A=${HOST}/x\n", "A=h.example/x\n"},
	{"B=1\nA=${B}${NONE}${NONE:-d}\n", "B=1\nA=1d\n"},
	{"HOST=other\nA=${HOST}\n", "HOST=other\nA=h.example\n"},
	{"A=$B ${ {\n", "A=$B ${ {\n"},
	{"A=1\r\nB=2\r\n", "A=1\nB=2\n"},
	{"\xef\xbb\xbf"
	 "A=1",
		"A=1\n"},
	{"'A B'=1\n", "A B=1\n"},
	{"", ""},
};

static void read_as_python_dotenv_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(strlist_clear) StrList env = {0};
		AUTO(strlist_clear) StrList found = {0};
		AUTO(text_clear) Text seen = TEXT_INIT(4096);

		strlist_add(&env, "HOST=h.example");
		assert_done(dotenv_parse(rows[i].text, &env, &found, &err), &err);
		for (size_t k = 0; k < found.len; k++)
			text_addf(&seen, "%s\n", found.items[k]);
		assert_string_equal(seen.data ? seen.data : "", rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_as_python_dotenv_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
