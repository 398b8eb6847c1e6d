/* event.h - what happens, said once, heard by several listeners: screen, JSON lines, run folder.
 *
 * Library code emits; nobody below report/ and cli/ prints. Texts are English with a translation
 * beside it, made here from the same format. All texts are masked (redact.h) before listeners see
 * them. Pointers in an Event live only during the call. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

typedef enum {
	EVENT_RUN,      /* id: run id; state: started, finished */
	EVENT_STEP,     /* id: step id; state: started, done, skipped, failed, undoing, undone */
	EVENT_CHECK,    /* id: check id; state: ok, warning, refused, unknown */
	EVENT_PROGRESS, /* id: step id; text: what is going on; done/total when known */
	EVENT_NOTICE,   /* id: slug; state: info, warning */
	EVENT_CHILD,    /* another program ended; evidence only; data: argv, exit, ms */
	EVENT_USERS,    /* id: run id; state: work, read, wait; data: predicted_ms, or NULL */
	EVENT_RESULT,   /* the last event of a command; data: see docs/json.md */
} EventKind;

typedef struct Event {
	EventKind kind;
	const char *id;
	const char *state;
	const char *text;  /* English; may be NULL */
	const char *local; /* translated; NULL when text is NULL */
	const char *hint;
	const char *hint_local;
	int64_t ms;          /* duration of what ended; -1 when it does not apply */
	int64_t done, total; /* progress; total 0 when unknown */
	const json_t *data;  /* further stable members for JSON, or NULL */
} Event;

typedef struct EventListener {
	void (*on_event)(void *self, const Event *event);
	void *self;
} EventListener;

void event_listen(EventListener listener); /* at most 8; heard in order of registration */
void event_unlisten(void *self);
void event_emit(const Event *event); /* texts as they are (still masked) */

/* The usual ones. `fmt` is an English literal that xgettext finds by itself. */
void event_notice(const char *slug, bool warning, const char *fmt, ...) PRINTF_LIKE(3, 4);
void event_progress(const char *step, int64_t done, int64_t total, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* Like event_notice(), from an error that does not stop the run; clears it. */
void event_notice_err(const char *slug, bool warning, Err *err);
void event_warn_err(const char *slug, Err *err); /* a warning */
