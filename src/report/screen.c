#include "report/screen.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "report/columns.h"
#include "report/progress.h"
#include "report/summary.h"

enum { TITLE_COLUMNS = 52 };

struct Screen {
	Out *result, *message;
	bool quiet;
	Progress live;
};

typedef struct Mark {
	const char *state;
	const char *sign, *ascii;
	Ink ink;
} Mark;

static const Mark step_marks[] = {
	{"done", "✓", "+", INK_GOOD},
	{"skipped", "-", "-", INK_FAINT},
	{"failed", "✗", "x", INK_BAD},
	{"undone", "↶", "<", INK_WARN},
	{NULL, "·", ".", INK_NONE},
};
static const Mark check_marks[] = {
	{"ok", "✓", "+", INK_GOOD},
	{"warning", "!", "!", INK_WARN},
	{"refused", "✗", "x", INK_BAD},
	{"unknown", "?", "?", INK_WARN},
	{NULL, "·", ".", INK_NONE},
};

static const Mark *find(const Mark *marks, const char *state)
{
	while (marks->state && !str_is(marks->state, state))
		marks++;
	return marks;
}

Screen *screen_new(Out *result, Out *message, bool quiet)
{
	Screen *screen = NEW(Screen);

	screen->result = result;
	screen->message = message;
	screen->quiet = quiet;
	screen->live = (Progress){.out = message, .off = quiet};
	return screen;
}

void screen_free(Screen *screen)
{
	if (!screen)
		return;
	progress_clear(&screen->live);
	free(screen);
}

void screen_hide_live(Screen *screen)
{
	progress_hide(&screen->live);
}

static const char *words(const Event *event)
{
	const char *text = event->local ? event->local : event->text;

	return text ? text : event->id ? event->id : "";
}

static void sign(Text *line, const Out *out, const Mark *mark)
{
	text_addf(line, "  %s%s%s ", out_ink(out, mark->ink), out->utf8 ? mark->sign : mark->ascii,
		out_ink(out, INK_NONE));
}

/* On one line, however long: it is there to be copied. */
static void hint_line(Out *out, const char *hint, int indent)
{
	if (hint)
		out_addf(out, "%*s%s %s\n", indent, "", out->utf8 ? "→" : "->", hint);
}

static void on_step(Screen *screen, const Event *event)
{
	Out *out = screen->message;
	AUTO(text_clear) Text line = TEXT_INIT(16384);
	AUTO(free_auto) char *title = NULL;

	if (str_is(event->state, "started") || str_is(event->state, "undoing")) {
		AUTO(free_auto) char *undoing = str_format(_("undo: %s"), words(event));

		progress_begin(
			&screen->live, str_is(event->state, "undoing") ? undoing : words(event));
		return;
	}
	title = str_dup(screen->live.what ? screen->live.what : event->id);
	progress_end(&screen->live);
	if (screen->quiet && !str_is(event->state, "failed"))
		return;
	sign(&line, out, find(step_marks, event->state));
	if (str_is(event->state, "failed")) {
		/* The text is the reason; the title is still in the live line. */
		AUTO(free_auto) char *both = str_format("%s: %s", title, words(event));

		columns_wrap(&line, both, 4, out->width);
	} else if (event->ms >= 0 && !str_is(event->state, "skipped")) {
		columns_pad(&line, words(event), TITLE_COLUMNS);
		text_addf(&line, "  %s\n", str_duration(event->ms));
	} else {
		text_addf(&line, "%s\n", words(event));
	}
	out_add(out, line.data);
	hint_line(out, event->hint_local ? event->hint_local : event->hint, 4);
}

static void on_check(Screen *screen, const Event *event)
{
	Out *out = screen->result;
	AUTO(text_clear) Text line = TEXT_INIT(16384);

	if (screen->quiet && str_is(event->state, "ok"))
		return;
	progress_hide(&screen->live);
	sign(&line, out, find(check_marks, event->state));
	columns_wrap(&line, words(event), 4, out->width);
	out_add(out, line.data);
	hint_line(out, event->hint_local ? event->hint_local : event->hint, 4);
}

static void on_notice(Screen *screen, const Event *event)
{
	Out *out = screen->message;
	const bool warning = str_is(event->state, "warning");
	AUTO(text_clear) Text line = TEXT_INIT(16384);

	if (screen->quiet && !warning)
		return;
	progress_hide(&screen->live);
	text_addf(&line, "  %s%s%s ", out_ink(out, warning ? INK_WARN : INK_FAINT),
		warning ? "!" : "i", out_ink(out, INK_NONE));
	columns_wrap(&line, words(event), 4, out->width);
	out_add(out, line.data);
	hint_line(out, event->hint_local ? event->hint_local : event->hint, 4);
}

/* A line of its own in a log, too: what the site's users have from here on. */
static void on_users(Screen *screen, const Event *event)
{
	Out *out = screen->message;
	const int64_t predicted = json_int(event->data, "predicted_ms", -1);
	const bool all = str_is(event->state, "work");
	/* Short, since it stands behind the step. */
	const char *brief = str_is(event->state, "read") ? _("users read") : _("users wait");

	progress_hide(&screen->live);
	progress_users(&screen->live, all ? NULL : brief, predicted);
	if (screen->quiet)
		return;
	out_addf(out, "  %s%s%s %s", out_ink(out, all ? INK_GOOD : INK_WARN), out->utf8 ? "●" : "*",
		out_ink(out, INK_NONE), words(event));
	if (predicted >= 0)
		out_addf(out, _(", for about %s"), str_duration(predicted));
	out_add(out, "\n");
}

static void four_checks(Out *out, const json_t *result)
{
	SummaryCheck checks[SUMMARY_CHECKS];

	summary_checks(result, checks);
	for (size_t i = 0; i < SUMMARY_CHECKS; i++) {
		AUTO(text_clear) Text line = TEXT_INIT(16384);

		if (!checks[i].saw)
			continue;
		text_add(&line, "  ");
		columns_pad(&line, checks[i].question, 16);
		text_add(&line, " ");
		columns_wrap(&line, checks[i].saw, 19, out->width);
		out_add(out, line.data);
	}
	summary_checks_clear(checks);
}

/* Only runs are told here; what a question (status, history) found is shown by its command. */
static void on_result(Screen *screen, const Event *event)
{
	Out *out = screen->result;
	const json_t *result = event->data;
	const char *outcome = json_str(result, "outcome"), *run = json_str(result, "run");
	const char *from = json_str(result, "from"), *to = json_str(result, "to");
	AUTO(free_auto) char *times = summary_times(result);
	const bool good = json_int(result, "exit_status", 0) == 0;

	progress_end(&screen->live);
	if (!outcome || str_is(outcome, "shown"))
		return;
	out_addf(out, "%s%s%s\n", out_ink(out, good ? INK_GOOD : INK_BAD),
		event->local || event->text ? words(event) : summary_outcome(outcome),
		out_ink(out, INK_NONE));
	if (!run)
		return;
	if (from && to)
		out_addf(out, "  %s -> %s\n", from, to);
	if (*times)
		out_addf(out, "  %s\n", times);
	if (summary_exchanged(result))
		four_checks(out, result);
	if (json_str(result, "backup"))
		out_addf(out, "  %s: %s\n", _("backup set"), json_str(result, "backup"));
	out_addf(out, "  %s: belay logs %s\n", _("evidence"), run);
	if (summary_has_way_back(result))
		out_addf(out, "  %s: belay rollback\n", _("way back"));
}

static void on_event(void *self, const Event *event)
{
	Screen *screen = self;

	switch (event->kind) {
	case EVENT_STEP:
		on_step(screen, event);
		break;
	case EVENT_CHECK:
		on_check(screen, event);
		break;
	case EVENT_PROGRESS:
		progress_news(&screen->live, words(event), event->done, event->total);
		break;
	case EVENT_NOTICE:
		on_notice(screen, event);
		break;
	case EVENT_USERS:
		on_users(screen, event);
		break;
	case EVENT_RESULT:
		on_result(screen, event);
		break;
	case EVENT_RUN:
	case EVENT_CHILD:
		break;
	}
}

EventListener screen_listener(Screen *screen)
{
	return (EventListener){.on_event = on_event, .self = screen};
}

void screen_error(Out *message, const Err *err)
{
	const char *text = err->local ? err->local : err->text;
	AUTO(text_clear) Text line = TEXT_INIT(65536);

	text_addf(&line, "%sbelay:%s ", out_ink(message, INK_BAD), out_ink(message, INK_NONE));
	columns_wrap(&line, text ? text : _("an unknown error"), 7, message->width);
	out_add(message, line.data);
	hint_line(message, err->hint_local ? err->hint_local : err->hint, 7);
}
