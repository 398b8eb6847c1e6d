#include "unit.h"

#include "adopt/look.h"
#include "base/text.h"

typedef struct Row {
	const char *argv; /* words separated by '|' */
	bool server;
	int port;
} Row;

static const Row rows[] = {
	{"/e/bin/python|/e/bin/open-webui|serve", true, 0},
	{"/e/bin/python3.11|./e/bin/open-webui|serve|--port|9000", true, 9000},
	{"python|-m|open_webui|serve|--port=9001", true, 9001},
	{"/e/bin/python|/e/bin/uvicorn|open_webui.main:app|--port|80", true, 80},
	{"/e/bin/python|-m|uvicorn|open_webui.main:app", true, 0},
	{"/e/bin/python|/e/bin/open-webui|dev", true, 0},
	{"/e/bin/python|/e/bin/open-webui|--help", false, 0},
	{"bash|-c|open-webui serve --port 1", false, 0},
	{"/e/bin/python|/e/bin/open-webui|serve|--port|-1", true, 0},
	{"/e/bin/python|/e/bin/open-webui|serve|--port=4294967377", true, 0},
	{"vim|/srv/start-open-webui.sh", false, 0},
	{"grep|open-webui serve", false, 0},
	{"/e/bin/python|-c|from multiprocessing.spawn import spawn_main", false, 0},
};

static void servers_are_told_by_their_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(strlist_clear) StrList argv = {0};

		print_message("%s\n", rows[i].argv);
		strlist_split(&argv, rows[i].argv, "|");
		assert_int_equal(server_argv(&argv), rows[i].server);
		assert_int_equal(server_port_of_argv(&argv), rows[i].port);
	}
}

static void a_sandboxed_unit_is_no_container(void **state)
{
	static const struct {
		bool other;
		const char *cgroup;
		bool container;
	} cases[] = {
		{false, "/system.slice/docker-0123.scope", false},
		{true, "/system.slice/docker-0123.scope", true},
		{true, "/docker/0123", true},
		{true, "/kubepods/besteffort/pod1/2", true},
		{true, "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-1.scope",
			true},
		{true, "/machine.slice/machine-x.scope", true},
		{true, "/system.slice/open-webui.service", false},
		{true, "/", true},
		{true, NULL, true},
		{false, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(
			server_in_container(cases[i].other, cases[i].cgroup), cases[i].container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_told_by_their_words),
		cmocka_unit_test(a_sandboxed_unit_is_no_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
