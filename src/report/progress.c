#include "report/progress.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "report/columns.h"

enum {
	REDRAW_MS = 250,
	PLAIN_EVERY_MS = 15000,
};

/* "12.3 s", and while users miss something "12.3 s, users wait: 4.0 s of about 9.4 s". */
static char *elapsed_text(const Progress *progress)
{
	const int64_t now = clock_mono_ms();
	AUTO(text_clear) Text text = TEXT_INIT(1024);

	text_add(&text, str_duration(now - progress->began_ms));
	if (!progress->users)
		return text_take(&text);
	text_addf(&text, ", %s: ", progress->users);
	if (progress->users_total >= 0)
		text_addf(&text, _("%s of about %s"), str_duration(now - progress->users_ms),
			str_duration(progress->users_total));
	else
		text_add(&text, str_duration(now - progress->users_ms));
	return text_take(&text);
}

static void draw(Progress *progress)
{
	Out *out = progress->out;
	AUTO(free_auto) char *elapsed = elapsed_text(progress);
	AUTO(free_auto)
	char *text = str_format("  %s %s%s%s", out->utf8 ? "…" : ".", progress->what,
		progress->detail ? ": " : "", progress->detail ? progress->detail : "");
	const int room = out->width - 1 - columns_of(elapsed) - 2;
	AUTO(text_clear) Text line = TEXT_INIT(8192);

	text_add_bytes(&line, text, columns_fit(text, room > 0 ? room : 0));
	text_addf(&line, "  %s%s%s", out_ink(out, INK_FAINT), elapsed, out_ink(out, INK_NONE));
	out_rewrite_line(out, line.data);
	progress->shown = true;
}

static void plain(Progress *progress)
{
	AUTO(free_auto) char *elapsed = elapsed_text(progress);

	out_addf(progress->out, "    %s%s%s  %s\n", progress->what, progress->detail ? ": " : "",
		progress->detail ? progress->detail : "", elapsed);
}

static void show(Progress *progress)
{
	const bool live = progress->out->terminal;
	const int64_t now = clock_mono_ms();

	if (progress->off || !progress->what)
		return;
	if (now - progress->drawn_ms < (live ? REDRAW_MS : PLAIN_EVERY_MS))
		return;
	progress->drawn_ms = now;
	if (live)
		draw(progress);
	else
		plain(progress);
}

void progress_begin(Progress *progress, const char *what)
{
	progress_end(progress);
	str_replace(&progress->what, what);
	progress->began_ms = clock_mono_ms();
	/* On a terminal at once; in a log only what takes long. */
	progress->drawn_ms = progress->began_ms - (progress->out->terminal ? REDRAW_MS : 0);
	show(progress);
}

void progress_news(Progress *progress, const char *detail, int64_t done, int64_t total)
{
	AUTO(free_auto) char *counted = NULL;

	if (!progress->what)
		progress_begin(progress, "");
	if (total > 0 && done >= 0 && done <= total)
		counted = str_format("%s%s%lld%%", detail ? detail : "", detail ? " " : "",
			(long long)(done * 100 / total));
	str_replace(&progress->detail, counted ? counted : detail);
	show(progress);
}

void progress_users(Progress *progress, const char *users, int64_t predicted_ms)
{
	str_replace(&progress->users, users);
	progress->users_ms = clock_mono_ms();
	progress->users_total = predicted_ms;
}

void progress_hide(Progress *progress)
{
	if (progress->shown)
		out_rewrite_line(progress->out, "");
	progress->shown = false;
	if (progress->out->terminal)
		progress->drawn_ms -= REDRAW_MS;
}

void progress_end(Progress *progress)
{
	progress_hide(progress);
	free(TAKE(progress->what));
	free(TAKE(progress->detail));
}

void progress_clear(Progress *progress)
{
	progress_end(progress);
	free(TAKE(progress->users));
}
