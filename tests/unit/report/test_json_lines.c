/* What --json writes is what docs/json.schema.json says. */
#include "heard.h"

#include "base/event.h"
#include "report/json_lines.h"
#include "schema.h"

static json_t *schema;

static int read_schema(void **state)
{
	json_error_t error;

	(void)state;
	schema = json_load_file(SCHEMA, 0, &error);
	return schema ? 0 : -1;
}

static int drop_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

/* The last line that was written, parsed. */
static json_t *line_of(const Event *event)
{
	AUTO(heard_close) Heard heard;
	JsonLines lines = {.out = &heard.out};
	json_t *object;

	heard_open(&heard);
	event_listen(json_lines_listener(&lines));
	event_emit(event);
	event_unlisten(&lines);
	object = json_loads(heard_text(&heard), JSON_DISABLE_EOF_CHECK, NULL);
	if (object)
		assert_string_equal(strchr(heard.text, '\n'), "\n");
	return object;
}

static void test_every_event_fits_the_schema(void **state)
{
	AUTO(json_release_auto)
	json_t *data = json_pack("{s:s, s:s, s:i, s:n, s:[{s:s, s:i}], s:{s:s, s:s, s:n}}",
		"command", "upgrade", "outcome", "undone", "exit_status", 4, "run", "migrations",
		"revision", "abc", "ms", 5, "error", "kind", "io", "text", "x", "hint");
	const Event events[] = {
		{.kind = EVENT_RUN, .id = "20261123-134812-upgrade", .state = "started", .ms = -1},
		{.kind = EVENT_STEP,
			.id = "stop-service",
			.state = "done",
			.text = "stop",
			.ms = 3},
		{.kind = EVENT_STEP,
			.id = "stop-service",
			.state = "started",
			.text = "stop",
			.ms = -1},
		{.kind = EVENT_CHECK,
			.id = "disk",
			.state = "refused",
			.text = "no room",
			.hint = "rm"},
		{.kind = EVENT_PROGRESS, .id = "copy", .text = "copying", .done = 1, .total = 0},
		{.kind = EVENT_NOTICE, .id = "prewarm", .state = "warning", .text = "slow"},
		{.kind = EVENT_RESULT, .text = "undone", .data = data},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		AUTO(json_release_auto) json_t *line = line_of(&events[i]);

		assert_non_null(line);
		if (!schema_holds(schema, line))
			fail_msg("event %zu does not fit: %s", i, json_line(line));
	}
}

static void test_schema_can_say_no(void **state)
{
	static const char *const wrong[] = {
		"{\"event\": \"notice\"}",
		"{\"schema\": 2, \"event\": \"progress\", \"done\": 1, \"total\": 1}",
		"{\"schema\": 1, \"event\": \"step\", \"id\": \"x\", \"state\": \"sleeping\"}",
		"{\"schema\": 1, \"event\": \"result\", \"command\": \"x\", \"outcome\": \"great\", \"exit_status\": 0}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		AUTO(json_release_auto) json_t *value = json_loads(wrong[i], 0, NULL);

		assert_non_null(value);
		assert_false(schema_holds(schema, value));
	}
}

static void test_english_whatever_the_screen_says(void **state)
{
	const Event event = {
		.kind = EVENT_NOTICE, .id = "x", .state = "info", .text = "done", .local = "완료"};
	AUTO(json_release_auto) json_t *line = line_of(&event);

	(void)state;
	assert_string_equal(json_str(line, "text"), "done");
}

static void test_children_are_evidence_only(void **state)
{
	const Event event = {.kind = EVENT_CHILD, .id = "pg_dump", .ms = 1};

	(void)state;
	assert_null(line_of(&event));
}

static void test_result_members_stand_at_the_top(void **state)
{
	AUTO(json_release_auto)
	json_t *data = json_pack("{s:s, s:i}", "outcome", "shown", "schema", 7);
	const Event event = {.kind = EVENT_RESULT, .data = data};
	AUTO(json_release_auto) json_t *line = line_of(&event);

	(void)state;
	assert_string_equal(json_str(line, "outcome"), "shown");
	assert_int_equal(json_int(line, "schema", 0), JSON_SCHEMA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_fits_the_schema),
		cmocka_unit_test(test_schema_can_say_no),
		cmocka_unit_test(test_english_whatever_the_screen_says),
		cmocka_unit_test(test_children_are_evidence_only),
		cmocka_unit_test(test_result_members_stand_at_the_top),
	};

	return cmocka_run_group_tests(tests, read_schema, drop_schema);
}
