#include "base/event.h"

#include <libintl.h>
#include <stdarg.h>

#include "base/mem.h"
#include "base/redact.h"

/* As in error.c: each format is used as written and as translated. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define MOST_LISTENERS 8

static EventListener listeners[MOST_LISTENERS];
static size_t listener_count;

void event_listen(EventListener listener)
{
	if (listener_count < MOST_LISTENERS)
		listeners[listener_count++] = listener;
}

void event_unlisten(void *self)
{
	size_t kept = 0;

	for (size_t i = 0; i < listener_count; i++) {
		if (listeners[i].self != self)
			listeners[kept++] = listeners[i];
	}
	listener_count = kept;
}

static json_t *masked_json(const json_t *value)
{
	const char *key;
	json_t *item, *copy;
	size_t i;

	if (json_is_string(value)) {
		AUTO(free_auto) char *shown = redact(json_string_value(value));

		copy = json_string(shown);
		return copy ? copy : json_null();
	}
	if (json_is_array(value)) {
		copy = json_array();
		json_array_foreach((json_t *)value, i, item)
			json_array_append_new(copy, masked_json(item));
		return copy;
	}
	if (json_is_object(value)) {
		copy = json_object();
		json_object_foreach((json_t *)value, key, item)
			json_object_set_new(copy, key, masked_json(item));
		return copy;
	}
	return json_copy((json_t *)value);
}

void event_emit(const Event *event)
{
	AUTO(free_auto) char *text = redact(event->text);
	AUTO(free_auto) char *local = redact(event->local ? event->local : event->text);
	AUTO(free_auto) char *hint = redact(event->hint);
	AUTO(free_auto)
	char *hint_local = redact(event->hint_local ? event->hint_local : event->hint);
	AUTO(json_release_auto) json_t *data = event->data ? masked_json(event->data) : NULL;
	Event masked = *event;

	masked.text = text;
	masked.local = local;
	masked.hint = hint;
	masked.hint_local = hint_local;
	masked.data = data;
	for (size_t i = 0; i < listener_count; i++)
		listeners[i].on_event(listeners[i].self, &masked);
}

static void emit_both(Event event, const char *fmt, va_list args)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *local = NULL;
	va_list again;

	va_copy(again, args);
	text = str_format_v(fmt, args);
	local = str_format_v(gettext(fmt), again);
	va_end(again);
	event.text = text;
	event.local = local;
	event_emit(&event);
}

void event_notice(const char *slug, bool warning, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_both((Event){.kind = EVENT_NOTICE,
			  .id = slug,
			  .state = warning ? "warning" : "info",
			  .ms = -1},
		fmt, args);
	va_end(args);
}

void event_progress(const char *step, int64_t done, int64_t total, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_both(
		(Event){.kind = EVENT_PROGRESS, .id = step, .ms = -1, .done = done, .total = total},
		fmt, args);
	va_end(args);
}

void event_notice_err(const char *slug, bool warning, Err *err)
{
	event_emit(&(Event){.kind = EVENT_NOTICE,
		.id = slug,
		.state = warning ? "warning" : "info",
		.text = err->text,
		.local = err->local,
		.hint = err->hint,
		.hint_local = err->hint_local,
		.ms = -1});
	err_clear(err);
}

void event_warn_err(const char *slug, Err *err)
{
	event_notice_err(slug, true, err);
}
