#include "cli/commands.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "database/database.h"
#include "release/migrations.h"
#include "release/notes.h"
#include "release/package.h"
#include "release/release.h"
#include "report/columns.h"

typedef struct Target {
	char *from, *version, *package_dir;
	Notes notes;
	Migrations migrations;
	char *revision; /* of the database; NULL: it could not be asked */
	StrList ahead;
} Target;

static void target_clear(Target *target)
{
	free(target->from);
	free(target->version);
	free(target->package_dir);
	free(target->revision);
	notes_clear(&target->notes);
	migrations_clear(&target->migrations);
	strlist_clear(&target->ahead);
}

/* A database that does not answer is no reason to hide the notes. */
static void ask_revision(const Site *site, Target *target)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(strlist_clear) StrList rows = {0};
	AUTO(err_clear) Err err = {0};

	if (database_open(site, &db, &err) &&
		database_revision(db, database_live(db), &rows, &err) && rows.len == 1)
		target->revision = str_dup(rows.items[0]);
	if (target->revision)
		(void)migrations_after(&target->migrations, target->revision, &target->ahead);
}

static bool read_target(const Site *site, const char *wanted, Target *ret, Err *err)
{
	AUTO(release_clear) Release current = {0};

	if (!release_current(site, &current, err) ||
		!package_resolve(site, wanted, &ret->version, err) ||
		!package_fetch(site, ret->version, &ret->package_dir, err) ||
		!notes_read(ret->package_dir, current.version, ret->version, &ret->notes, err) ||
		!migrations_read(ret->package_dir, &ret->migrations, err))
		return false;
	ret->from = str_dup(current.version);
	ask_revision(site, ret);
	return true;
}

static const char *title_of(const Migrations *migrations, const char *revision)
{
	for (size_t i = 0; i < migrations->ids.len; i++) {
		if (str_is(migrations->ids.items[i], revision))
			return i < migrations->titles.len ? migrations->titles.items[i] : "";
	}
	return "";
}

static json_t *as_json(const Target *target)
{
	json_t *data = json_object(), *items = json_array(), *migrations = json_array();

	json_put(data, "from", target->from);
	json_put(data, "to", target->version);
	json_put(data, "revision", target->revision);
	json_put(data, "head", target->migrations.head);
	for (size_t i = 0; i < target->notes.len; i++) {
		const NoteItem *item = &target->notes.items[i];
		json_t *object = json_object();

		json_put(object, "version", item->version);
		json_put(object, "section", item->section);
		json_put(object, "text", item->text);
		(void)json_object_set_new(object, "important", json_boolean(item->important));
		(void)json_array_append_new(items, object);
	}
	for (size_t i = 0; i < target->ahead.len; i++) {
		json_t *object = json_object();

		json_put(object, "revision", target->ahead.items[i]);
		json_put(object, "title", title_of(&target->migrations, target->ahead.items[i]));
		(void)json_array_append_new(migrations, object);
	}
	(void)json_object_set_new(data, "notes", items);
	(void)json_object_set_new(data, "migrations", migrations);
	return data;
}

static void show_item(const NoteItem *item, const char *prefix, Out *out)
{
	AUTO(text_clear) Text line = TEXT_INIT(64 * 1024);

	text_addf(&line, "  - ");
	if (prefix)
		text_addf(&line, "%s ", prefix);
	columns_wrap(&line, item->text, 4, out->width);
	out_add(out, line.data);
}

static void show_important(const Notes *notes, Out *out)
{
	bool any = false;

	for (size_t i = 0; i < notes->len; i++) {
		if (!notes->items[i].important)
			continue;
		if (!any)
			out_addf(out, "\n%s%s%s\n", out_ink(out, INK_WARN),
				_("Breaking changes and migrations, as the change log names them"),
				out_ink(out, INK_NONE));
		any = true;
		show_item(&notes->items[i], notes->items[i].version, out);
	}
}

static void show_rest(const Notes *notes, Out *out)
{
	const char *version = NULL, *section = NULL;

	for (size_t i = 0; i < notes->len; i++) {
		const NoteItem *item = &notes->items[i];

		if (item->important)
			continue;
		if (!str_is(version, item->version) || !str_is(section, item->section))
			out_addf(out, "\n%s%s %s%s\n", out_ink(out, INK_STRONG), item->version,
				item->section, out_ink(out, INK_NONE));
		version = item->version;
		section = item->section;
		show_item(item, NULL, out);
	}
}

static void show_migrations(const Target *target, Out *out)
{
	out_addf(out, "\n%s%s%s\n", out_ink(out, INK_STRONG),
		_("Migrations that will run, read from the release itself"),
		out_ink(out, INK_NONE));
	if (!target->revision)
		out_addf(out, "  %s\n", _("the revision of the database could not be asked"));
	else if (target->ahead.len == 0)
		out_addf(out, "  %s\n", _("none"));
	for (size_t i = 0; i < target->ahead.len; i++)
		out_addf(out, "  %s  %s\n", target->ahead.items[i],
			title_of(&target->migrations, target->ahead.items[i]));
}

int cmd_notes(Cli *cli, Err *err)
{
	AUTO(target_clear) Target target = {0};

	if (!cli_take_wheels(cli, err) ||
		!read_target(&cli->site, args_word(cli->args, 0), &target, err))
		return err_exit_status(err->kind);
	cli_shown(cli, as_json(&target), 0);
	if (cli->json)
		return 0;
	out_addf(&cli->result, "%s -> %s\n", target.from, target.version);
	show_important(&target.notes, &cli->result);
	show_migrations(&target, &cli->result);
	show_rest(&target.notes, &cli->result);
	return 0;
}
