/* The evidence of a run: what lies in its folder afterwards. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"
#include "report/run_folder.h"

#define RUN "20261123-134812-upgrade"

static char *state_dir;

static int make_dir(void **state)
{
	(void)state;
	state_dir = str_dup("/tmp/belay-run-folder-XXXXXX");
	return mkdtemp(state_dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	AUTO(err_clear) Err err = {0};

	(void)state;
	(void)!tree_remove(state_dir, &err);
	free(state_dir);
	return 0;
}

static char *content(const char *name)
{
	AUTO(free_auto) char *path = str_format("%s/runs/" RUN "/%s", state_dir, name);
	AUTO(err_clear) Err err = {0};
	struct stat about;
	char *text = NULL;

	assert_done(file_read(path, 1 << 20, &text, NULL, &err), &err);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	return text;
}

static void emit_all(void)
{
	AUTO(json_release_auto)
	json_t *child = json_pack(
		"{s:[s,s,s], s:i, s:i}", "argv", "pg_dump", "-f", "it's", "exit", 0, "ms", 1200);
	AUTO(json_release_auto)
	json_t *result = json_pack("{s:s, s:s, s:s, s:i, s:[]}", "outcome", "upgraded", "from",
		"0.7.2", "to", "0.8.0", "dark_ms", 9400, "migrations");
	const Event events[] = {
		{.kind = EVENT_CHECK, .id = "disk", .state = "ok", .text = "room | enough"},
		{.kind = EVENT_RUN, .id = RUN, .state = "started", .ms = -1},
		{.kind = EVENT_CHILD, .id = "pg_dump", .data = child},
		{.kind = EVENT_STEP,
			.id = "stop-service",
			.state = "done",
			.text = "stop",
			.ms = 700},
		{.kind = EVENT_RESULT, .data = result},
	};

	for (size_t i = 0; i < COUNT_OF(events); i++)
		event_emit(&events[i]);
}

static void test_folder_tells_the_run(void **state)
{
	AUTO(run_folder_free_auto) RunFolder *folder = run_folder_new(state_dir);
	AUTO(free_auto) char *events = NULL;
	AUTO(free_auto) char *commands = NULL;
	AUTO(free_auto) char *report = NULL;
	struct stat about;

	(void)state;
	assert_null(run_folder_path(folder));
	event_listen(run_folder_listener(folder));
	emit_all();
	event_unlisten(folder);
	assert_int_equal(stat(run_folder_path(folder), &about), 0);
	assert_int_equal(about.st_mode & 07777, 0700);
	events = content("events.jsonl");
	assert_part(events, "\"room | enough\""); /* from before the run had an id */
	assert_part(events, "\"stop-service\"");
	assert_null(strstr(events, "pg_dump"));
	commands = content("commands.log");
	assert_part(commands, "exit 0  1200 ms  pg_dump -f 'it'\\''s'\n");
	report = content("report.md");
	assert_part(report, "# " RUN "\n");
	assert_part(report, "- outcome: upgraded\n");
	assert_part(report, "- way back: `belay rollback`\n");
	assert_part(report, "dark for 9.4 s");
	assert_part(report, "| version | 0.8.0 |");
	assert_part(report, "| migrations | none were needed |");
	assert_part(report, "room \\| enough");
}

static void test_lost_disk_stops_nothing(void **state)
{
	AUTO(run_folder_free_auto) RunFolder *folder = run_folder_new("/proc/no-such-place");

	(void)state;
	event_listen(run_folder_listener(folder));
	emit_all();
	event_unlisten(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folder_tells_the_run, make_dir, drop_dir),
		cmocka_unit_test(test_lost_disk_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
