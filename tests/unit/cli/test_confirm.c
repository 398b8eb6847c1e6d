/* The plan and the one question, asked on a terminal: what counts as a yes. */
#include "unit.h"

#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/confirm.h"

static const char plan_text[] =
	"{\"site\": \"main\", \"from\": \"0.7.2\", \"to\": \"0.8.0\","
	" \"database\": {\"server\": \"PostgreSQL 15.18\", \"name\": \"webui\", \"bytes\": 9000000,"
	"  \"sessions\": [\"pid 4711: metabase\"]},"
	" \"dark_ms\": 2800, \"read_only_ms\": 3000, \"total_ms\": 80000,"
	" \"reading\": {\"reads_on\": true, \"instead\": \"read_on = no\", \"instead_dark_ms\": 9000},"
	" \"steps\": [{\"id\": \"stop-service\", \"title\": \"stop the service\", \"dark\": true, \"ms\": 300},"
	"  {\"id\": \"freeze-database\", \"read_only\": true}, {\"id\": \"build-release\"}],"
	" \"disk\": [{\"path\": \"/srv\", \"free_bytes\": 5000000, \"bytes\": 1000000,"
	"  \"uses\": {\"backup\": 1000000}}, {\"bytes\": 7, \"uses\": {\"other\": 7}}],"
	" \"written_since\": {\"chat\": {\"newer\": 1, \"rows\": 31, \"was\": 30}, \"user\": {}},"
	" \"notices\": [\"messages are migrated one by one\"]}";

/* A terminal at both ends of belay. */
typedef struct Person {
	int hand, saved_in, saved_err;
} Person;

static void sit_down(Person *person)
{
	int terminal;

	assert_int_equal(openpty(&person->hand, &terminal, NULL, NULL, NULL), 0);
	person->saved_in = dup(STDIN_FILENO);
	person->saved_err = dup(STDERR_FILENO);
	dup2(terminal, STDIN_FILENO);
	dup2(terminal, STDERR_FILENO);
	close(terminal);
}

static void get_up(Person *person)
{
	dup2(person->saved_in, STDIN_FILENO);
	dup2(person->saved_err, STDERR_FILENO);
	close(person->saved_in);
	close(person->saved_err);
}

/* *ret_saw: the plan and the question. */
static bool asked(const char *typed, char **ret_saw, Err *err)
{
	AUTO(json_release_auto) json_t *plan = json_loads(plan_text, 0, NULL);
	AUTO(args_clear) Args args = {0};
	Person person = {0};
	Cli cli = {.args = &args};
	struct pollfd more = {.events = POLLIN};
	char seen[16384] = "";
	size_t len = 0;
	bool yes;

	assert_non_null(plan);
	sit_down(&person);
	out_init(&cli.message, STDERR_FILENO, false);
	assert_int_equal(write(person.hand, typed, strlen(typed)), strlen(typed));
	yes = confirm_plan(&cli, plan, err);
	out_finish(&cli.message);
	out_clear(&cli.message);
	/* All of it is there; one read gives a part. */
	more.fd = person.hand;
	while (len < sizeof seen - 1 && poll(&more, 1, 0) == 1 && (more.revents & POLLIN)) {
		const ssize_t got = read(person.hand, seen + len, sizeof seen - 1 - len);

		assert_true(got > 0);
		len += (size_t)got;
	}
	get_up(&person);
	close(person.hand);
	*ret_saw = str_dup(seen);
	return yes;
}

static void only_a_yes_is_a_yes(void **state UNUSED)
{
	static const struct {
		const char *typed;
		bool yes;
	} rows[] = {
		{"y\n", true},
		{" Yes \n", true},
		{"예\n", true},
		{"ㅛ\n", true},
		{"\n", false},
		{"n\n", false},
		{"yesterday\n", false},
		{"\x04", false}, /* end of file */
		{"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n",
			false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(free_auto) char *saw = NULL;

		if (asked(rows[i].typed, &saw, &err) != rows[i].yes)
			fail_msg("'%s' is taken for a %s", rows[i].typed,
				rows[i].yes ? "no" : "yes");
		assert_int_equal(err.kind, ERR_NONE);
	}
}

static void the_plan_stands_above_the_question(void **state UNUSED)
{
	static const char *const parts[] = {"0.7.2 -> 0.8.0", "PostgreSQL 15.18, webui",
		"stop the service", "no service", "reading only", "read on; saving is refused",
		"with read_on = no", "/srv", "database server", "pid 4711: metabase", "chat",
		"messages are migrated one by one", "Go on? [y/N]"};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *saw = NULL;

	assert_false(asked("n\n", &saw, &err));
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_part(saw, parts[i]);
}

static void without_a_terminal_nothing_is_asked(void **state UNUSED)
{
	AUTO(json_release_auto) json_t *plan = json_object();
	AUTO(err_clear) Err err = {0};
	AUTO(args_clear) Args args = {0};
	AUTO(strlist_clear) StrList argv = {0};
	Cli cli = {.args = &args};
	int saved = dup(STDIN_FILENO), ends[2];

	strlist_split(&argv, "belay upgrade 0.8.0", " ");
	assert_done(args_parse((int)argv.len, argv.items, &args, &err), &err);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[0], STDIN_FILENO);
	assert_error(confirm_plan(&cli, plan, &err), &err, ERR_USAGE);
	dup2(saved, STDIN_FILENO);
	assert_string_equal(err.hint, "belay --yes upgrade 0.8.0");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_yes_is_a_yes),
		cmocka_unit_test(the_plan_stands_above_the_question),
		cmocka_unit_test(without_a_terminal_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
