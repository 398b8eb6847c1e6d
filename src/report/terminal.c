#include "report/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"

enum {
	CHUNK = 512,       /* below PIPE_BUF: a writable pipe takes it without blocking */
	PATIENCE_MS = 200, /* how long a run waits for a slow reader, once */
	PENDING_MAX = 8 << 20,
	UNBROKEN = 1 << 20, /* a file or a pipe: lines stay whole, for grep */
};

void out_init(Out *out, int fd, bool colours)
{
	struct winsize size = {0};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	*out = (Out){.fd = fd, .width = UNBROKEN, .pending = TEXT_INIT(PENDING_MAX)};
	out->terminal = isatty(fd) == 1;
	out->utf8 = str_is(nl_langinfo(CODESET), "UTF-8");
	out->colour = out->terminal && colours && str_empty(no_color) && !str_empty(term) &&
		      !str_is(term, "dumb");
	if (out->terminal)
		out->width = 80;
	if (out->terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		out->width = size.ws_col;
}

/* Writes what the reader takes within `wait_ms` (-1: however long). */
static void drain(Out *out, int wait_ms)
{
	size_t done = 0;

	while (!out->deaf && done < out->pending.len) {
		struct pollfd ready = {.fd = out->fd, .events = POLLOUT};
		const size_t left = out->pending.len - done;
		ssize_t wrote = 0;
		const int polled = poll(&ready, 1, wait_ms);

		if (polled < 0 && errno == EINTR)
			continue;
		if (polled == 0) {
			out->stalled = true;
			break;
		}
		wrote = write(out->fd, out->pending.data + done, left < CHUNK ? left : CHUNK);
		if (wrote > 0)
			done += (size_t)wrote;
		else if (wrote < 0 && errno != EINTR && errno != EAGAIN)
			out->deaf = true;
	}
	if (out->deaf)
		done = out->pending.len;
	if (done > 0)
		memmove(out->pending.data, out->pending.data + done, out->pending.len - done + 1);
	out->pending.len -= done;
	if (out->pending.len == 0)
		out->stalled = false;
}

static const char *const colours[] = {[INK_NONE] = "\033[0m",
	[INK_GOOD] = "\033[32m",
	[INK_BAD] = "\033[31m",
	[INK_WARN] = "\033[33m",
	[INK_FAINT] = "\033[2m",
	[INK_STRONG] = "\033[1m"};

static size_t colour_at(const char *text)
{
	for (size_t i = 0; *text == '\033' && i < COUNT_OF(colours); i++)
		if (str_starts(text, colours[i]))
			return strlen(colours[i]);
	return 0;
}

/* How many bytes here would be acted upon instead of shown: C0, DEL, C1 as UTF-8 or as bytes of an
 * 8-bit locale, and what turns the direction of writing round (U+202A to E, U+2066 to 9). */
static size_t command_at(const Out *out, const unsigned char *c)
{
	if (*c < ' ' || *c == 0x7f)
		return *c != '\n' && *c != '\t';
	if (!out->utf8)
		return *c >= 0x80 && *c < 0xa0;
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	if (c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
				    (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)))
		return 3;
	return 0;
}

/* Texts come from logs, file names and other programs: on a terminal they are only shown. */
static void add_harmless(Out *out, const char *text)
{
	while (*text) {
		const size_t colour = out->colour ? colour_at(text) : 0;
		const size_t command = colour ? 0 : command_at(out, (const unsigned char *)text);
		const size_t len = colour ? colour : command ? command : 1;

		text_add_bytes(&out->pending, command ? "?" : text, command ? 1 : len);
		text += len;
	}
}

void out_add(Out *out, const char *text)
{
	if (out->deaf || str_empty(text))
		return;
	if (out->terminal)
		add_harmless(out, text);
	else
		text_add(&out->pending, text);
	drain(out, out->stalled ? 0 : PATIENCE_MS);
}

void out_rewrite_line(Out *out, const char *line)
{
	if (out->deaf)
		return;
	text_add(&out->pending, "\r");
	add_harmless(out, line);
	text_add(&out->pending, "\033[K");
	drain(out, out->stalled ? 0 : PATIENCE_MS);
}

void out_addf(Out *out, const char *fmt, ...)
{
	AUTO(text_clear) Text text = TEXT_INIT(1 << 20);
	va_list args;

	va_start(args, fmt);
	text_addv(&text, fmt, args);
	va_end(args);
	out_add(out, text.data);
}

void out_finish(Out *out)
{
	drain(out, -1);
}

void out_clear(Out *out)
{
	text_clear(&out->pending);
}

const char *out_ink(const Out *out, Ink ink)
{
	return out->colour ? colours[ink] : "";
}
