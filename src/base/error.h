/* error.h - the one error value: what failed, in two languages, and what to type next.
 *
 * Every function that can fail returns bool and takes a non-NULL `Err *err` as its last parameter.
 * The bottom sets the error once; callers may put a few words in front with err_wrap() and add the
 * next command to type with err_hint(). Nobody below report/ and cli/ prints it.
 *
 *     if (!file_read(path, MAX, &text, NULL, err))
 *             return err_wrap(err, "reading the recipe");
 *
 * Formats are English literals (xgettext knows these functions, no N_() needed): `text` is the
 * English (journal, JSON, evidence), `local` the same in the language of the screen. Lower case, no
 * full stop, values in 'quotes'. The owner of an Err calls err_clear(); AUTO(err_clear) does it. */
#pragma once
#include <stdbool.h>

#include "base/cleanup.h"

/*      kind         exit status  slug (stable, in JSON) */
#define BELAY_ERRORS(X)                                                                            \
	X(USAGE, 2, "usage")               /* wrong command line */                                \
	X(CONFIG, 2, "config")             /* wrong site file */                                   \
	X(REFUSED, 3, "refused")           /* a check said no */                                   \
	X(IO, 1, "io")                     /* a file or folder */                                  \
	X(NO_SPACE, 1, "no-space")         /* disk full */                                         \
	X(EXEC, 1, "command-failed")       /* another program failed or is missing */              \
	X(TIMEOUT, 1, "timed-out")         /* a limit passed */                                    \
	X(NETWORK, 1, "network")           /* package index, HTTP */                               \
	X(DATABASE, 1, "database")         /* the database server or file */                       \
	X(VERIFY, 1, "verify-failed")      /* something is not what it must be */                  \
	X(INTERNAL, 1, "internal")         /* a defect of belay */                                 \
	X(FOREIGN, 5, "foreign-change")    /* someone else changed what a run works on */          \
	X(PERSON, 5, "needs-a-person")     /* an unfinished run, a state belay leaves alone */     \
	X(BUSY, 6, "busy")                 /* another run holds this site */                       \
	X(INTERRUPTED, 130, "interrupted") /* INT or TERM */

typedef enum {
	ERR_NONE = 0,
#define X(kind, status, slug) ERR_##kind,
	BELAY_ERRORS(X)
#undef X
} ErrKind;

typedef struct Err {
	ErrKind kind;
	int sys;     /* errno at the failure, or 0 */
	char *text;  /* English */
	char *local; /* in the language of the screen */
	char *hint;  /* the next thing to type, English; NULL if none */
	char *hint_local;
	const char *file; /* where it was set, for defect reports */
	int line;
} Err;

/* All return false, so that a caller can write `return err_fail(...)`. Secrets are masked. */
bool err_set(Err *err, ErrKind kind, int sys, const char *file, int line, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
/* `text` is no format: a message from a table, marked there with N_(). */
bool err_set_text(Err *err, ErrKind kind, const char *file, int line, const char *text);
bool err_wrap(Err *err, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "<this>: <what was there>" */
/* "<what was there>; <this>", or <this> alone: one error of several findings. */
bool err_also(Err *err, ErrKind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_hint(Err *err, const char *fmt, ...) PRINTF_LIKE(2, 3); /* replaces an earlier hint */

void err_clear(Err *err);          /* empty again; NULL fields are fine */
void err_move(Err *to, Err *from); /* `to` must be empty; `from` is empty afterwards */

int err_exit_status(ErrKind kind);
const char *err_slug(ErrKind kind);
/* The kind for a failed system call: NO_SPACE for ENOSPC and EDQUOT, IO for the rest. */
ErrKind err_kind_of_errno(int sys);

#define err_fail(err, kind, ...)       err_set((err), (kind), 0, __FILE__, __LINE__, __VA_ARGS__)
#define err_fail_text(err, kind, text) err_set_text((err), (kind), __FILE__, __LINE__, (text))
/* Adds ": strerror(errno)". */
#define err_fail_sys(err, ...)                                                                     \
	err_set((err), err_kind_of_errno(errno), errno, __FILE__, __LINE__, __VA_ARGS__)

#ifdef __clang_analyzer__
/* It looks into one source at a time, and would follow a path on which an error was a success. */
#define err_set(...)      (err_set(__VA_ARGS__) && false)
#define err_set_text(...) (err_set_text(__VA_ARGS__) && false)
#define err_wrap(...)     (err_wrap(__VA_ARGS__) && false)
#define err_also(...)     (err_also(__VA_ARGS__) && false)
#define err_hint(...)     (err_hint(__VA_ARGS__) && false)
#endif
