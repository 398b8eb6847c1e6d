#include "report/summary.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/list.h"
#include "base/mem.h"

static const struct {
	const char *outcome, *word;
} words[] = {
	{"upgraded", N_("upgraded")},
	{"rolled-back", N_("rolled back")},
	{"backed-up", N_("backed up")},
	{"rehearsed", N_("rehearsed")},
	{"restored", N_("restored")},
	{"refused", N_("refused")},
	{"undone", N_("undone")},
	{"failed", N_("failed")},
	{"stuck", N_("unfinished")},
	{"nothing-to-do", N_("nothing to do")},
	{"planned", N_("planned")},
	{"declined", N_("declined")},
	{"checked", N_("checked")},
};

const char *summary_outcome(const char *outcome)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_is(outcome, words[i].outcome))
			return _(words[i].word);
	}
	return outcome ? outcome : _("unfinished");
}

bool summary_exchanged(const json_t *result)
{
	const char *outcome = json_str(result, "outcome");

	return str_is(outcome, "upgraded") || str_is(outcome, "rolled-back") ||
	       str_is(outcome, "restored");
}

bool summary_has_way_back(const json_t *result)
{
	return summary_exchanged(result) && json_str(result, "from");
}

int64_t summary_users_ms(const json_t *result, const char *key)
{
	const int64_t seen = json_int(json_object_get(result, "measured"), key, -1);

	return seen >= 0 ? seen : json_int(result, key, -1);
}

char *summary_times(const json_t *result)
{
	AUTO(strlist_clear) StrList parts = {0};
	const json_t *measured = json_object_get(result, "measured");
	const int64_t dark = json_int(result, "dark_ms", -1);
	const int64_t read_only = json_int(result, "read_only_ms", -1);
	const int64_t seen_dark = json_int(measured, "dark_ms", -1);
	const int64_t seen_read_only = json_int(measured, "read_only_ms", -1);
	const int64_t total = json_int(result, "total_ms", -1);

	if (seen_dark > 0 || (seen_dark == 0 && dark > 0))
		strlist_addf(&parts, _("dark for %s as seen from outside (%s by its own account)"),
			str_duration(seen_dark), str_duration(dark));
	else if (dark > 0)
		strlist_addf(&parts, _("dark for %s"), str_duration(dark));
	if (seen_read_only > 0)
		strlist_addf(&parts, _("read-only for %s (%s)"), str_duration(seen_read_only),
			str_duration(read_only));
	else if (read_only > 0)
		strlist_addf(&parts, _("read-only for %s"), str_duration(read_only));
	if (total > 0)
		strlist_addf(&parts, _("%s in all"), str_duration(total));
	return strlist_join(&parts, ", ");
}

/* What the gate saw for one of its questions. */
static const char *gate_saw(const json_t *result, const char *question)
{
	const json_t *gate = json_object_get(result, "gate"), *answer = NULL;
	size_t i = 0;

	json_array_foreach(json_object_get(gate, "answers"), i, answer)
	{
		if (str_is(json_str(answer, "question"), question))
			return json_str(answer, "saw");
	}
	return NULL;
}

static char *saw_version(const json_t *result)
{
	const char *saw = gate_saw(result, "version");

	return str_dup(saw ? saw : json_str(result, "to"));
}

static char *saw_database(const json_t *result)
{
	const json_t *database = json_object_get(result, "database");
	const char *server = json_str(database, "server"), *name = json_str(database, "name");

	return server && name ? str_format("%s, %s", server, name) : NULL;
}

static char *saw_migrations(const json_t *result)
{
	const json_t *migrations = json_object_get(result, "migrations"), *one = NULL;
	AUTO(strlist_clear) StrList parts = {0};
	size_t i = 0;

	if (!json_is_array(migrations))
		return NULL;
	if (json_array_size(migrations) == 0)
		return str_dup(_("none were needed"));
	json_array_foreach(migrations, i, one)
	{
		strlist_addf(&parts, "%s (%s)", json_str(one, "revision"),
			str_duration(json_int(one, "ms", 0)));
	}
	return strlist_join(&parts, ", ");
}

/* The process that owns the listening socket, as the gate saw it. */
static char *saw_process(const json_t *result)
{
	const char *saw = gate_saw(result, "listener");
	int port, pid;

	if (saw && sscanf(saw, "port %d, process %d", &port, &pid) == 2)
		return str_format(_("port %d, process %d"), port, pid);
	return str_dup(saw);
}

void summary_checks(const json_t *result, SummaryCheck ret[SUMMARY_CHECKS])
{
	ret[0] = (SummaryCheck){_("version"), saw_version(result)};
	ret[1] = (SummaryCheck){_("database"), saw_database(result)};
	ret[2] = (SummaryCheck){_("migrations"), saw_migrations(result)};
	ret[3] = (SummaryCheck){_("server process"), saw_process(result)};
}

void summary_checks_clear(SummaryCheck checks[SUMMARY_CHECKS])
{
	for (size_t i = 0; i < SUMMARY_CHECKS; i++)
		free(checks[i].saw);
}

typedef struct Line {
	char *state, *text, *hint;
	char *id;
	int64_t ms;
} Line;
typedef struct Lines {
	Line *items;
	size_t len;
} Lines;

enum { LINES_MAX = 2000 }; /* a report stays readable, whatever a run emits */

struct Summary {
	char *run;
	int64_t began_ms;
	Lines steps, checks, notices;
	json_t *result;
};

Summary *summary_new(void)
{
	Summary *summary = NEW(Summary);

	summary->began_ms = clock_wall_ms();
	return summary;
}

static void lines_free(Lines *lines)
{
	for (size_t i = 0; i < lines->len; i++) {
		free(lines->items[i].state);
		free(lines->items[i].text);
		free(lines->items[i].hint);
		free(lines->items[i].id);
	}
	free(lines->items);
}

void summary_free(Summary *summary)
{
	if (!summary)
		return;
	lines_free(&summary->steps);
	lines_free(&summary->checks);
	lines_free(&summary->notices);
	json_decref(summary->result);
	free(summary->run);
	free(summary);
}

static void lines_add(Lines *lines, const Event *event)
{
	const char *text = event->local ? event->local : event->text;

	if (lines->len == LINES_MAX)
		return;
	lines->items = mem_resize(lines->items, lines->len + 1, sizeof(Line));
	lines->items[lines->len++] = (Line){.state = str_dup(event->state),
		.text = str_dup(text ? text : event->id),
		.hint = str_dup(event->hint_local ? event->hint_local : event->hint),
		.id = str_dup(event->id),
		.ms = event->ms};
}

void summary_hear(Summary *summary, const Event *event)
{
	if (event->kind == EVENT_RUN && str_is(event->state, "started"))
		str_replace(&summary->run, event->id);
	else if (event->kind == EVENT_STEP && !str_is(event->state, "started") &&
		 !str_is(event->state, "undoing"))
		lines_add(&summary->steps, event);
	else if (event->kind == EVENT_CHECK)
		lines_add(&summary->checks, event);
	else if (event->kind == EVENT_NOTICE)
		lines_add(&summary->notices, event);
	else if (event->kind == EVENT_RESULT) {
		json_decref(summary->result);
		summary->result = json_deep_copy(event->data);
	}
}

static const char *state_word(const char *state)
{
	static const char *const known[] = {N_("done"), N_("skipped"), N_("failed"), N_("undone"),
		N_("ok"), N_("warning"), N_("refused"), N_("unknown"), N_("info")};

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (str_is(state, known[i]))
			return _(known[i]);
	}
	return state;
}

/* A cell of a Markdown table: no bars, no line ends. */
static void add_cell(Text *out, const char *text)
{
	for (const char *at = text ? text : ""; *at; at++) {
		if (*at == '|')
			text_add(out, "\\|");
		else if (*at == '\n')
			text_add(out, " ");
		else
			text_add_bytes(out, at, 1);
	}
}

static void add_lines(Text *out, const char *title, const Lines *lines, bool times)
{
	if (lines->len == 0)
		return;
	text_addf(out, "\n## %s\n\n", title);
	if (times)
		text_addf(out, "| %s | %s | %s |\n|---|---|---:|\n", _("step"), _("state"),
			_("time"));
	else
		text_addf(out, "| %s | %s |\n|---|---|\n", _("state"), _("finding"));
	for (size_t i = 0; i < lines->len; i++) {
		const Line *line = &lines->items[i];

		text_add(out, "| ");
		add_cell(out, times ? line->text : state_word(line->state));
		text_add(out, " | ");
		add_cell(out, times ? state_word(line->state) : line->text);
		if (times)
			text_addf(out, " | %s", line->ms >= 0 ? str_duration(line->ms) : "");
		else if (line->hint)
			add_cell(out, " - "), add_cell(out, line->hint);
		text_add(out, " |\n");
	}
}

static void add_checks(Text *out, const json_t *result)
{
	SummaryCheck checks[SUMMARY_CHECKS];

	summary_checks(result, checks);
	text_addf(out, "\n## %s\n\n| %s | %s |\n|---|---|\n", _("The four checks of the procedure"),
		_("check"), _("seen"));
	for (size_t i = 0; i < SUMMARY_CHECKS; i++) {
		text_addf(out, "| %s | ", checks[i].question);
		add_cell(out, checks[i].saw ? checks[i].saw : _("not asked"));
		text_add(out, " |\n");
	}
	summary_checks_clear(checks);
}

static void add_head(Text *out, const Summary *summary)
{
	const json_t *error = json_object_get(summary->result, "error");
	AUTO(free_auto) char *when = clock_readable(summary->began_ms);
	const char *from = json_str(summary->result, "from"), *to = json_str(summary->result, "to");
	AUTO(free_auto) char *times = summary_times(summary->result);

	text_addf(out, "# %s\n\n", summary->run ? summary->run : "belay");
	text_addf(out, "- %s: %s\n", _("began"), when);
	text_addf(out, "- %s: %s\n", _("outcome"),
		summary_outcome(json_str(summary->result, "outcome")));
	if (from && to)
		text_addf(out, "- %s: %s -> %s\n", _("version"), from, to);
	if (*times)
		text_addf(out, "- %s: %s\n", _("times"), times);
	if (json_str(summary->result, "backup"))
		text_addf(out, "- %s: %s\n", _("backup set"), json_str(summary->result, "backup"));
	if (summary_has_way_back(summary->result))
		text_addf(out, "- %s: `belay rollback`\n", _("way back"));
	if (json_str(error, "text"))
		text_addf(out, "- %s: %s\n", _("error"), json_str(error, "text"));
	if (json_str(error, "hint"))
		text_addf(out, "- %s: %s\n", _("next"), json_str(error, "hint"));
}

char *summary_markdown(const Summary *summary)
{
	AUTO(text_clear) Text out = TEXT_INIT(4 << 20);

	add_head(&out, summary);
	if (summary_exchanged(summary->result))
		add_checks(&out, summary->result);
	add_lines(&out, _("Steps"), &summary->steps, true);
	add_lines(&out, _("Notices"), &summary->notices, false);
	add_lines(&out, _("Checks before"), &summary->checks, false);
	return text_take(&out);
}
