#include "report/json_lines.h"

static const char *const kind_names[] = {[EVENT_RUN] = "run",
	[EVENT_STEP] = "step",
	[EVENT_CHECK] = "check",
	[EVENT_PROGRESS] = "progress",
	[EVENT_NOTICE] = "notice",
	[EVENT_CHILD] = "child",
	[EVENT_USERS] = "users",
	[EVENT_RESULT] = "result"};

static void put_if(json_t *object, const char *key, const char *value)
{
	if (value)
		json_put(object, key, value);
}

/* A result's members stand beside `schema` and `event`; other events keep theirs apart, so that a
 * new member of a check can never collide with one of ours. */
static void add_data(json_t *object, const Event *event)
{
	AUTO(json_release_auto) json_t *copy = json_deep_copy(event->data);

	if (!copy)
		return;
	if (event->kind == EVENT_RESULT)
		(void)json_object_update_missing(object, copy);
	else
		(void)json_object_set(object, "data", copy);
}

json_t *json_of_event(const Event *event)
{
	json_t *object = NULL;

	if (event->kind == EVENT_CHILD)
		return NULL;
	object = json_object();
	json_put_int(object, "schema", JSON_SCHEMA);
	json_put(object, "event", kind_names[event->kind]);
	put_if(object, "id", event->id);
	put_if(object, "state", event->state);
	put_if(object, "text", event->text);
	put_if(object, "hint", event->hint);
	if (event->ms >= 0 && (event->kind == EVENT_RUN || event->kind == EVENT_STEP))
		json_put_int(object, "ms", event->ms);
	if (event->kind == EVENT_PROGRESS) {
		json_put_int(object, "done", event->done);
		json_put_int(object, "total", event->total);
	}
	if (event->data)
		add_data(object, event);
	return object;
}

json_t *json_of_error(const Err *err)
{
	json_t *object = json_object();

	json_put(object, "kind", err_slug(err->kind));
	json_put(object, "text", err->text);
	put_if(object, "hint", err->hint);
	return object;
}

static void on_event(void *self, const Event *event)
{
	JsonLines *lines = self;
	AUTO(json_release_auto) json_t *object = json_of_event(event);
	AUTO(free_auto) char *line = NULL;

	if (!object)
		return;
	lines->had_result = lines->had_result || event->kind == EVENT_RESULT;
	line = json_line(object);
	out_addf(lines->out, "%s\n", line);
}

EventListener json_lines_listener(JsonLines *lines)
{
	return (EventListener){.on_event = on_event, .self = lines};
}
