/* screen.h - the listener for people: one aligned line a step, findings, notices, the result, and
 * the live line. Results go to `result` (stdout), everything on the way to `message` (stderr). */
#pragma once
#include "base/event.h"
#include "report/terminal.h"

typedef struct Screen Screen;

/* Both outputs stay the caller's. quiet: only errors, warnings, refusals and the result. */
Screen *screen_new(Out *result, Out *message, bool quiet);
void screen_free(Screen *screen);
DEFINE_AUTO(Screen, screen_free)
EventListener screen_listener(Screen *screen);
/* Empty the live line before something else is written (a question). */
void screen_hide_live(Screen *screen);

/* "belay: could not …" and, indented, the next command to type. */
void screen_error(Out *message, const Err *err);
