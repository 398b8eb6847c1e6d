#include "unit.h"

#include "base/event.h"
#include "base/mem.h"
#include "base/redact.h"

typedef struct Heard {
	int count;
	EventKind kind;
	char *id, *state, *text, *hint, *data;
	int64_t ms, done, total;
} Heard;

static void hear(void *self, const Event *event)
{
	Heard *heard = self;

	heard->count++;
	heard->kind = event->kind;
	heard->ms = event->ms;
	heard->done = event->done;
	heard->total = event->total;
	str_replace(&heard->id, event->id);
	str_replace(&heard->state, event->state);
	str_replace(&heard->text, event->text);
	str_replace(&heard->hint, event->hint);
	free(heard->data);
	heard->data = event->data ? json_line(event->data) : NULL;
	assert_int_equal(event->text == NULL, event->local == NULL);
}

static void heard_clear(Heard *heard)
{
	event_unlisten(heard);
	free(heard->id);
	free(heard->state);
	free(heard->text);
	free(heard->hint);
	free(heard->data);
}

static void everyone_hears_until_they_leave(void **state UNUSED)
{
	AUTO(heard_clear) Heard one = {0};
	AUTO(heard_clear) Heard two = {0};

	event_listen((EventListener){hear, &one});
	event_listen((EventListener){hear, &two});
	event_notice("slug", false, "number %d", 1);
	event_unlisten(&one);
	event_notice("slug", true, "number %d", 2);
	assert_int_equal(one.count, 1);
	assert_int_equal(two.count, 2);
	assert_string_equal(one.state, "info");
	assert_string_equal(two.state, "warning");
	assert_string_equal(two.text, "number 2");
	assert_string_equal(two.id, "slug");
	assert_int_equal(two.ms, -1);
}

static void progress_carries_numbers(void **state UNUSED)
{
	AUTO(heard_clear) Heard heard = {0};

	event_listen((EventListener){hear, &heard});
	event_progress("copy-database", 5, 10, "table %s", "chat");
	assert_int_equal(heard.kind, EVENT_PROGRESS);
	assert_int_equal(heard.done, 5);
	assert_int_equal(heard.total, 10);
	assert_string_equal(heard.text, "table chat");
}

static void errors_become_warnings(void **state UNUSED)
{
	AUTO(heard_clear) Heard heard = {0};
	AUTO(err_clear) Err err = {0};

	event_listen((EventListener){hear, &heard});
	err_fail(&err, ERR_IO, "no");
	err_hint(&err, "do");
	event_warn_err("clean-up", &err);
	assert_int_equal(err.kind, ERR_NONE);
	assert_string_equal(heard.text, "no");
	assert_string_equal(heard.hint, "do");
	assert_string_equal(heard.state, "warning");
}

static void nothing_secret_is_heard(void **state UNUSED)
{
	AUTO(heard_clear) Heard heard = {0};
	AUTO(json_release_auto)
	json_t *data = json_pack("{s:[s,s], s:{s:s}, s:i, s:n}", "argv", "psql", "x-hunter2",
		"inner", "deep", "hunter2", "exit", 0, "nil");

	redact_add("hunter2");
	event_listen((EventListener){hear, &heard});
	event_emit(&(Event){
		.kind = EVENT_CHILD, .text = "ran hunter2", .hint = "hunter2", .data = data});
	assert_string_equal(heard.text, "ran ***");
	assert_string_equal(heard.hint, "***");
	assert_string_equal(heard.data,
		"{\"argv\":[\"psql\",\"x-***\"],\"inner\":{\"deep\":\"***\"},\"exit\":0,\"nil\":null}");
	redact_forget();
}

static void at_most_eight(void **state UNUSED)
{
	Heard heard[9] = {0};

	for (size_t i = 0; i < 9; i++)
		event_listen((EventListener){hear, &heard[i]});
	event_emit(&(Event){.kind = EVENT_RUN});
	assert_int_equal(heard[7].count, 1);
	assert_int_equal(heard[8].count, 0);
	for (size_t i = 0; i < 9; i++)
		heard_clear(&heard[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone_hears_until_they_leave),
		cmocka_unit_test(progress_carries_numbers),
		cmocka_unit_test(errors_become_warnings),
		cmocka_unit_test(nothing_secret_is_heard),
		cmocka_unit_test(at_most_eight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
