#include "base/error.h"

#include <libintl.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/redact.h"

/* What an analyzer is told of them is for their callers. */
#undef err_set
#undef err_set_text
#undef err_wrap
#undef err_also
#undef err_hint

/* A format is used twice: as written, and as the catalogue of the screen's language has it. The
 * second is not a literal; that both take the same arguments is what msgfmt --check proves. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static char *masked(char *text)
{
	AUTO(free_auto) char *plain = text;

	return redact(plain);
}

static void format_both(char **ret_text, char **ret_local, const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	*ret_text = masked(str_format_v(fmt, args));
	*ret_local = masked(str_format_v(gettext(fmt), again));
	va_end(again);
}

/* Takes `front` over: "<front>: <what was there>". */
static void put_in_front(char **slot, char *front, const char *rest)
{
	char *joined = rest ? str_format("%s: %s", front, rest) : str_dup(front);

	free(front);
	free(*slot);
	*slot = joined;
}

static const char *describe_errno(int sys)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(sys);

	if (text)
		return text;
#endif
	return strerror(sys);
}

bool err_set(Err *err, ErrKind kind, int sys, const char *file, int line, const char *fmt, ...)
{
	Err made = {.kind = kind, .sys = sys, .file = file, .line = line};
	va_list args;

	va_start(args, fmt);
	format_both(&made.text, &made.local, fmt, args);
	va_end(args);
	if (sys) {
		put_in_front(&made.text, TAKE(made.text), describe_errno(sys));
		put_in_front(&made.local, TAKE(made.local), strerror(sys));
	}
	err_clear(err);
	*err = made;
	return false;
}

bool err_set_text(Err *err, ErrKind kind, const char *file, int line, const char *text)
{
	err_set(err, kind, 0, file, line, "%s", text);
	free(err->local);
	err->local = masked(str_dup(gettext(text)));
	return false;
}

bool err_wrap(Err *err, const char *fmt, ...)
{
	char *text, *local;
	va_list args;

	va_start(args, fmt);
	format_both(&text, &local, fmt, args);
	va_end(args);
	put_in_front(&err->text, text, err->text);
	put_in_front(&err->local, local, err->local);
	return false;
}

/* Takes `end` over. */
static void put_behind(char **slot, char *end)
{
	char *joined = *slot ? str_format("%s; %s", *slot, end) : str_dup(end);

	free(end);
	free(*slot);
	*slot = joined;
}

bool err_also(Err *err, ErrKind kind, const char *fmt, ...)
{
	char *text, *local;
	va_list args;

	va_start(args, fmt);
	format_both(&text, &local, fmt, args);
	va_end(args);
	put_behind(&err->text, text);
	put_behind(&err->local, local);
	if (err->kind == ERR_NONE)
		err->kind = kind;
	return false;
}

bool err_hint(Err *err, const char *fmt, ...)
{
	char *hint, *local;
	va_list args;

	va_start(args, fmt);
	format_both(&hint, &local, fmt, args);
	va_end(args);
	free(err->hint);
	free(err->hint_local);
	err->hint = hint;
	err->hint_local = local;
	return false;
}

void err_clear(Err *err)
{
	int saved = errno;

	free(err->text);
	free(err->local);
	free(err->hint);
	free(err->hint_local);
	*err = (Err){0};
	errno = saved;
}

void err_move(Err *to, Err *from)
{
	*to = *from;
	*from = (Err){0};
}

static const struct {
	int status;
	const char *slug;
} KINDS[] = {[ERR_NONE] = {0, "none"},
#define X(kind, status, slug) [ERR_##kind] = {status, slug},
	BELAY_ERRORS(X)
#undef X
};

int err_exit_status(ErrKind kind)
{
	return KINDS[kind].status;
}

const char *err_slug(ErrKind kind)
{
	return KINDS[kind].slug;
}

ErrKind err_kind_of_errno(int sys)
{
	return sys == ENOSPC || sys == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}
