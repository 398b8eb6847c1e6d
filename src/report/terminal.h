/* terminal.h - one output (stdout or stderr) that can never stop a run.
 *
 * What cannot be written at once (Ctrl-S, a pager that is not read, a slow network) is kept and
 * written later; out_finish() at the end of the program waits for the reader. A reader that is gone
 * (EPIPE, EIO, closed descriptor) makes the output deaf: everything after it is dropped silently.
 */
#pragma once
#include "base/text.h"

typedef struct Out {
	int fd;
	bool terminal; /* a person looks at it */
	bool colour;
	bool utf8; /* the locale can show more than ASCII */
	bool deaf;
	bool stalled; /* the reader was too slow last time */
	int width; /* columns of the terminal; so many that nothing is broken where there is none */
	Text pending;
} Out;

/* `colours` false: --no-color. NO_COLOR and TERM=dumb are looked at here. */
void out_init(Out *out, int fd, bool colours);
/* On a terminal nothing in `text` is acted upon but newlines and the colours of out_ink(). */
void out_add(Out *out, const char *text);
/* Back to the beginning of the line, which becomes `line`. For terminals. */
void out_rewrite_line(Out *out, const char *line);
void out_addf(Out *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
void out_finish(Out *out); /* write all that is left, however long the reader takes */
void out_clear(Out *out);

typedef enum { INK_NONE, INK_GOOD, INK_BAD, INK_WARN, INK_FAINT, INK_STRONG } Ink;
/* The escape sequence to begin a colour, and "" where there are none; INK_NONE ends it. */
const char *out_ink(const Out *out, Ink ink);
