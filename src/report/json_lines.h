/* json_lines.h - the listener behind --json: one object per event on one line. Keys and English
 * texts are stable: docs/json.md and docs/json.schema.json are their contract. */
#pragma once
#include "base/event.h"
#include "report/terminal.h"

enum { JSON_SCHEMA = 1 };

/* The object of one event; NULL for those that are evidence only (EVENT_CHILD). */
json_t *json_of_event(const Event *event);
/* The member `error` of a result: {"kind", "text", "hint"}. */
json_t *json_of_error(const Err *err);

typedef struct JsonLines {
	Out *out;
	bool had_result;
} JsonLines;
EventListener json_lines_listener(JsonLines *lines);
