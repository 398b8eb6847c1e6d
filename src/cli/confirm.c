#include "cli/confirm.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "os/signals.h"
#include "report/columns.h"
#include "report/table.h"

enum { ANSWER_MS = 15 * 60 * 1000 };

static void row(Table *table, const char *label, const char *value)
{
	if (!str_empty(value))
		table_row(table, (const char *const[]){label, value});
}

static void row_duration(Table *table, const char *label, const json_t *plan, const char *key)
{
	const int64_t ms = json_int(plan, key, -1);

	if (ms >= 0)
		row(table, label, str_duration(ms));
}

static void row_bytes(Table *table, const char *label, const json_t *plan, const char *key)
{
	const int64_t bytes = json_int(plan, key, -1);

	if (bytes >= 0)
		row(table, label, str_bytes((unsigned long long)bytes));
}

/* How long, with "read_on = no" in the site file, say. */
static void row_instead(Table *table, const json_t *reading)
{
	const char *instead = json_str(reading, "instead");
	const int64_t dark = json_int(reading, "instead_dark_ms", -1);
	const int64_t read_only = json_int(reading, "instead_read_only_ms", -1);
	AUTO(free_auto) char *label = instead ? str_format(_("with %s"), instead) : NULL;
	AUTO(free_auto) char *value = NULL;

	if (!instead)
		return;
	if (dark < 0)
		value = str_dup(_("not known before the first rehearsal"));
	else if (read_only > 0)
		value = str_format(_("dark for about %s, read-only for about %s"),
			str_duration(dark), str_duration(read_only));
	else
		value = str_format(_("dark for about %s"), str_duration(dark));
	row(table, label, value);
}

static void rows_reading(Table *table, const json_t *reading)
{
	if (!reading)
		return;
	/* Why they wait stands in a notice above. */
	row(table, _("while the data migrates users"),
		json_flag(reading, "reads_on", false) ? _("read on; saving is refused")
						      : _("wait in the dark"));
	row_instead(table, reading);
}

/* What the last rehearsal made the database server write; the upgrade writes it once more. */
static void row_log(Table *table, const json_t *plan)
{
	const int64_t bytes = json_int(plan, "wal_bytes", 0);
	const int64_t checkpoints = json_int(plan, "checkpoints", 0);
	AUTO(free_auto) char *value = NULL;

	if (bytes <= 0)
		return;
	value = str_format(_("%s, checkpoints: %lld"), str_bytes((unsigned long long)bytes),
		(long long)checkpoints);
	row(table, _("write-ahead log, as rehearsed"), value);
}

/* Twelve digits of the digest of a registry, else of the image itself. */
static char *short_digest(const json_t *image, const char *digest_key, const char *id_key)
{
	const char *pinned = json_str(image, digest_key), *id = json_str(image, id_key);
	const char *at = pinned ? strchr(pinned, '@') : NULL;

	return str_format("%.19s", at ? at + 1 : id ? id : "?");
}

/* A name such as main may mean another image tomorrow. */
static void rows_image(Table *table, const json_t *image)
{
	const char *old = json_str(image, "from"), *new = json_str(image, "to");
	AUTO(free_auto) char *from = short_digest(image, "from_digest", "from_id");
	AUTO(free_auto) char *to = short_digest(image, "to_digest", "to_id");
	AUTO(free_auto) char *names = old && new ? str_format("%s -> %s", old, new) : NULL;
	AUTO(free_auto) char *digests = names ? str_format("%s -> %s", from, to) : NULL;

	row(table, _("image"), names);
	row(table, _("digest"), digests);
}

static void show_head(const json_t *plan, Out *out)
{
	const char *from = json_str(plan, "from"), *to = json_str(plan, "to");
	const char *way = json_str(plan, "way");
	const json_t *database = json_object_get(plan, "database");
	const json_t *migrations = json_object_get(plan, "migrations");
	const char *server = json_str(database, "server"), *name = json_str(database, "name");
	AUTO(free_auto) char *versions = from && to ? str_format("%s -> %s", from, to) : NULL;
	AUTO(free_auto) char *where = server && name ? str_format("%s, %s", server, name) : NULL;
	AUTO(free_auto) char *count = str_format("%zu", json_array_size(migrations));
	AUTO(table_free_auto) Table *table = table_new(2, NULL);

	row(table, _("site"), json_str(plan, "site"));
	row(table, _("version"), versions);
	row(table, _("unfinished run"), json_str(plan, "run"));
	row(table, _("it will be"),
		!way                  ? NULL
		: str_is(way, "undo") ? _("undone")
				      : _("finished"));
	row(table, _("backup set"), json_str(plan, "set"));
	row(table, _("environment"), json_str(plan, "environment"));
	rows_image(table, json_object_get(plan, "image"));
	row(table, _("database"), where);
	row(table, _("rehearsed on"), json_str(database, "rehearsal_server"));
	row_bytes(table, _("size of the database"), database, "bytes");
	row(table, _("migrations"), migrations ? count : NULL);
	row(table, _("backup in"), json_str(plan, "backup_dir"));
	row(table, _("restored with"), json_str(plan, "restore"));
	row_duration(table, _("dark, estimated"), plan, "dark_ms");
	row_duration(table, _("read-only, estimated"), plan, "read_only_ms");
	rows_reading(table, json_object_get(plan, "reading"));
	row_duration(table, _("in all, estimated"), plan, "total_ms");
	row_log(table, plan);
	table_show(table, out);
}

static const char *use_name(const char *use)
{
	static const char *const names[][2] = {
		{"release", N_("release")},
		{"backup", N_("backup")},
		{"vectors", N_("vector store")},
		{"log", N_("write-ahead log")},
		{"proof", N_("proof")},
		{"rehearsal", N_("rehearsal")},
		{"copy", N_("copy")},
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (str_is(names[i][0], use))
			return _(names[i][1]);
	}
	return use;
}

static char *uses_of(const json_t *place)
{
	AUTO(strlist_clear) StrList uses = {0};
	const char *use = NULL;
	json_t *bytes = NULL;

	json_object_foreach(json_object_get(place, "uses"), use, bytes)
	{
		strlist_addf(&uses, "%s %s", use_name(use),
			str_bytes((unsigned long long)json_integer_value(bytes)));
	}
	return strlist_join(&uses, ", ");
}

/* Whose disk cannot be asked from here. */
static const char *server_name(const json_t *place)
{
	return json_flag(place, "rehearses", false) ? _("rehearsal server") : _("database server");
}

/* Not everything is there at one time: what is needed is less than the sum. */
static void show_disk(const json_t *plan, Out *out)
{
	const char *const headings[] = {_("disk of"), _("free"), _("needed"), _("for")};
	const json_t *place = NULL, *disk = json_object_get(plan, "disk");
	AUTO(table_free_auto) Table *table = NULL;
	size_t i = 0;

	if (json_array_size(disk) == 0)
		return;
	table = table_new(4, headings);
	table_right(table, 1);
	table_right(table, 2);
	json_array_foreach(disk, i, place)
	{
		const char *path = json_str(place, "path");
		const unsigned long long free_bytes = (unsigned long long)json_int(
			place, "free_bytes", 0);
		AUTO(free_auto) char *uses = uses_of(place);

		table_row(table,
			(const char *const[]){path ? path : server_name(place),
				path ? str_bytes(free_bytes) : _("unknown"),
				str_bytes((unsigned long long)json_int(place, "bytes", 0)), uses});
	}
	out_add(out, "\n");
	table_show(table, out);
}

static bool has_estimates(const json_t *steps)
{
	const json_t *step = NULL;
	size_t i = 0;

	json_array_foreach(steps, i, step)
	{
		if (json_int(step, "ms", -1) >= 0)
			return true;
	}
	return false;
}

static const char *users_see(const json_t *step)
{
	if (json_flag(step, "dark", false))
		return _("no service");
	return json_flag(step, "read_only", false) ? _("reading only") : _("everything");
}

static void show_steps(const json_t *plan, Out *out)
{
	const json_t *step = NULL, *steps = json_object_get(plan, "steps");
	const char *const headings[] = {"", _("step"), _("users see"), _("about")};
	AUTO(table_free_auto) Table *table = NULL;
	size_t i = 0;

	if (json_array_size(steps) == 0)
		return;
	table = table_new(has_estimates(steps) ? 4 : 3, headings);
	table_right(table, 0);
	json_array_foreach(steps, i, step)
	{
		AUTO(free_auto) char *number = str_format("%zu", i + 1);
		const char *title = json_str(step, "title");
		const int64_t ms = json_int(step, "ms", -1);

		table_row(table,
			(const char *const[]){number, title ? _(title) : json_str(step, "id"),
				users_see(step), ms >= 0 ? str_duration(ms) : ""});
	}
	out_add(out, "\n");
	table_show(table, out);
}

static char *count_of(const json_t *figures, const char *key)
{
	const int64_t count = json_int(figures, key, -1);

	return count >= 0 ? str_format("%lld", (long long)count) : NULL;
}

/* Rows that a rollback leaves in the database that serves now. */
static void show_written(const json_t *plan, Out *out)
{
	json_t *written = json_object_get(plan, "written_since"), *one = NULL;
	AUTO(table_free_auto) Table *table = NULL;
	const char *name = NULL;

	if (json_is_null(written))
		out_addf(out, "\n%s\n",
			_("It cannot be told what was written since; the database that serves now is kept."));
	if (json_is_object(written) && json_object_size(written) == 0)
		out_addf(out, "\n%s\n", _("Nothing was written since."));
	if (json_object_size(written) == 0)
		return;
	out_addf(out, "\n%s\n", _("written since, and not in the database that will serve:"));
	table = table_new(4, (const char *const[]){_("table"), _("new or changed"), _("rows now"),
				     _("rows then")});
	for (size_t i = 1; i < 4; i++)
		table_right(table, i);
	json_object_foreach(written, name, one)
	{
		AUTO(free_auto) char *newer = count_of(one, "newer");
		AUTO(free_auto) char *rows = count_of(one, "rows");
		AUTO(free_auto) char *was = count_of(one, "was");

		table_row(table,
			(const char *const[]){name, newer ? newer : _("changed"), rows, was});
	}
	table_show(table, out);
}

static void show_sessions(const json_t *plan, Out *out)
{
	const json_t *list = json_object_get(json_object_get(plan, "database"), "sessions");
	const json_t *line = NULL;
	size_t i = 0;

	if (json_array_size(list) > 0)
		out_addf(out, "\n%s\n", _("sessions of others that will be ended:"));
	json_array_foreach(list, i, line)
	{
		AUTO(text_clear) Text wrapped = TEXT_INIT(16384);

		text_add(&wrapped, "- ");
		columns_wrap(&wrapped, json_string_value(line), 2, out->width);
		out_add(out, wrapped.data);
	}
}

void plan_show(const json_t *plan, Out *out)
{
	const json_t *notice = NULL;
	size_t i = 0;

	show_head(plan, out);
	show_steps(plan, out);
	show_disk(plan, out);
	show_written(plan, out);
	show_sessions(plan, out);
	json_array_foreach(json_object_get(plan, "notices"), i, notice)
	{
		AUTO(text_clear) Text line = TEXT_INIT(16384);

		text_add(&line, "! ");
		columns_wrap(&line, json_is_string(notice) ? _(json_string_value(notice)) : "", 2,
			out->width);
		out_add(out, line.data);
	}
}

/* One line of at most 63 bytes; what is longer is no yes. */
static bool read_answer(char *answer, size_t size)
{
	const Deadline deadline = deadline_in(ANSWER_MS);
	struct pollfd ready[] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals_fd(), .events = POLLIN}};
	ssize_t len = 0;

	while (!signals_pending() && deadline_left_ms(deadline) > 0) {
		const int polled = poll(ready, 2, (int)deadline_left_ms(deadline));

		if (polled < 0 && errno != EINTR)
			return false;
		if (polled <= 0 || ready[0].revents == 0)
			continue;
		len = read(STDIN_FILENO, answer, size - 1);
		if (len <= 0)
			return false;
		answer[len] = '\0';
		return true;
	}
	return false;
}

static bool is_yes(char *answer)
{
	static const char *const words[] = {"y", "Y", "yes", "Yes", "YES", "예", "네", "ㅛ"};
	const char *word = str_trim(answer);

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_is(word, words[i]))
			return true;
	}
	return false;
}

/* Asked for only here: whatever is wrong with the words typed is told first. */
static bool somebody_there(const Cli *cli, Err *err)
{
	const char *word = args_word(cli->args, 0);

	if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1)
		return true;
	err_fail(err, ERR_USAGE, "there is no terminal to ask on");
	return err_hint(err, "belay --yes %s%s%s", cli->args->command->name, word ? " " : "",
		word ? word : "");
}

bool confirm_plan(void *arg, const json_t *plan, Err *err)
{
	Cli *cli = arg;
	char answer[64] = "";

	if (!somebody_there(cli, err))
		return false;
	if (cli->screen)
		screen_hide_live(cli->screen);
	out_add(&cli->message, "\n");
	plan_show(plan, &cli->message);
	out_addf(&cli->message, "\n%s ", _("Go on? [y/N]"));
	if (!read_answer(answer, sizeof answer)) {
		out_add(&cli->message, "\n");
		return false;
	}
	return is_yes(answer);
}
