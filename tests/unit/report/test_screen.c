/* What a person reads, and on which output. */
#include "heard.h"

#include <locale.h>

#include "base/event.h"
#include "report/screen.h"

typedef struct World {
	Heard result, message;
} World;

static void play(World *world, bool quiet, const Event *events, size_t count)
{
	AUTO(screen_free_auto) Screen *screen = NULL;

	heard_open(&world->result);
	heard_open(&world->message);
	screen = screen_new(&world->result.out, &world->message.out, quiet);
	event_listen(screen_listener(screen));
	for (size_t i = 0; i < count; i++)
		event_emit(&events[i]);
	event_unlisten(screen);
	heard_text(&world->result);
	heard_text(&world->message);
}

static void close_world(World *world)
{
	heard_close(&world->result);
	heard_close(&world->message);
}

static const Event story[] = {
	{.kind = EVENT_CHECK, .id = "disk", .state = "ok", .text = "room is enough"},
	{.kind = EVENT_CHECK, .id = "key", .state = "warning", .text = "no key", .hint = "do this"},
	{.kind = EVENT_STEP,
		.id = "stop",
		.state = "started",
		.text = "stop",
		.local = "서비스 중지"},
	{.kind = EVENT_STEP,
		.id = "stop",
		.state = "done",
		.text = "stop",
		.local = "서비스 중지",
		.ms = 1200},
	{.kind = EVENT_STEP, .id = "swap", .state = "started", .text = "swap"},
	{.kind = EVENT_STEP, .id = "swap", .state = "failed", .text = "no space", .ms = 5},
	{.kind = EVENT_NOTICE, .id = "n", .state = "info", .text = "by the way"},
};

static void test_lines_of_a_run(void **state)
{
	AUTO(close_world) World world;

	(void)state;
	play(&world, false, story, COUNT_OF(story));
	assert_string_equal(world.result.text, "  ✓ room is enough\n  ! no key\n    → do this\n");
	assert_part(world.message.text,
		"  ✓ 서비스 중지                                           1.2 s\n");
	assert_part(world.message.text, "  ✗ swap: no space\n");
	assert_part(world.message.text, "  i by the way\n");
}

static void test_quiet_keeps_what_matters(void **state)
{
	AUTO(close_world) World world;

	(void)state;
	play(&world, true, story, COUNT_OF(story));
	assert_string_equal(world.result.text, "  ! no key\n    → do this\n");
	assert_string_equal(world.message.text, "  ✗ swap: no space\n");
}

static void test_ascii_where_the_locale_has_no_more(void **state)
{
	AUTO(close_world) World world;

	(void)state;
	setlocale(LC_ALL, "C");
	play(&world, false, story, 2);
	setlocale(LC_ALL, "C.UTF-8");
	assert_string_equal(world.result.text, "  + room is enough\n  ! no key\n    -> do this\n");
}

static void test_result_goes_to_stdout(void **state)
{
	AUTO(json_release_auto)
	json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i}", "outcome", "upgraded",
		"run", "R", "from", "0.7.2", "to", "0.8.0", "dark_ms", 9400, "backup", "B",
		"exit_status", 0);
	const Event event = {.kind = EVENT_RESULT, .text = "it serves", .data = data};
	AUTO(close_world) World world;

	(void)state;
	play(&world, true, &event, 1);
	assert_part(world.result.text, "it serves\n  0.7.2 -> 0.8.0\n  dark for 9.4 s\n");
	assert_part(world.result.text, "backup set: B\n");
	assert_part(world.result.text, "belay logs R\n");
	assert_part(world.result.text, "way back: belay rollback\n");
	assert_string_equal(world.message.text, "");
}

static void test_a_way_back_where_something_was_replaced(void **state)
{
	static const struct {
		const char *outcome, *from;
		bool way_back;
	} rows[] = {
		{"rolled-back", "0.8.0", true},
		{"restored", "0.8.0", true},
		{"restored", NULL, false}, /* on an empty machine */
		{"backed-up", "0.7.2", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(json_release_auto)
		json_t *data = json_pack("{s:s, s:s, s:s*, s:s, s:i}", "outcome", rows[i].outcome,
			"run", "R", "from", rows[i].from, "to", "0.7.2", "exit_status", 0);
		const Event event = {.kind = EVENT_RESULT, .data = data};
		AUTO(close_world) World world;

		play(&world, true, &event, 1);
		assert_int_equal(
			strstr(world.result.text, "belay rollback") != NULL, rows[i].way_back);
	}
}

static void test_what_users_had_is_told_as_seen_from_outside(void **state)
{
	AUTO(json_release_auto)
	json_t *data = json_pack("{s:s, s:s, s:i, s:i, s:{s:i, s:i}, s:i}", "outcome", "upgraded",
		"run", "R", "dark_ms", 4600, "read_only_ms", 98000, "measured", "dark_ms", 4700,
		"read_only_ms", 99000, "exit_status", 0);
	const Event event = {.kind = EVENT_RESULT, .text = "it serves", .data = data};
	AUTO(close_world) World world;

	(void)state;
	play(&world, true, &event, 1);
	assert_part(world.result.text,
		"  dark for 4.7 s as seen from outside (4.6 s by its own account), read-only for "
		"1 min 39 s (1 min 38 s)\n");
}

static void test_what_users_can_do_is_said_at_each_change(void **state)
{
	AUTO(json_release_auto) json_t *data = json_pack("{s:i}", "predicted_ms", 9400);
	const Event events[] = {
		{.kind = EVENT_USERS, .state = "wait", .text = "users wait", .data = data},
		{.kind = EVENT_USERS, .state = "work", .text = "users work"}};
	AUTO(close_world) World world;

	(void)state;
	play(&world, false, events, 2);
	assert_string_equal(
		world.message.text, "  ● users wait, for about 9.4 s\n  ● users work\n");
}

static void test_error_with_its_next_command(void **state)
{
	AUTO(heard_close) Heard heard;
	AUTO(err_clear) Err err = {0};

	(void)state;
	heard_open(&heard);
	err_fail(&err, ERR_CONFIG, "no site");
	err_hint(&err, "belay adopt");
	screen_error(&heard.out, &err);
	assert_string_equal(heard_text(&heard), "belay: no site\n       → belay adopt\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_a_run),
		cmocka_unit_test(test_quiet_keeps_what_matters),
		cmocka_unit_test(test_ascii_where_the_locale_has_no_more),
		cmocka_unit_test(test_result_goes_to_stdout),
		cmocka_unit_test(test_a_way_back_where_something_was_replaced),
		cmocka_unit_test(test_what_users_had_is_told_as_seen_from_outside),
		cmocka_unit_test(test_what_users_can_do_is_said_at_each_change),
		cmocka_unit_test(test_error_with_its_next_command),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
