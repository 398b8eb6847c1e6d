#include "release/notes.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "release/version.h"

#define MAX_BYTES (16 * 1024 * 1024) /* 0.12.4's has 1.6 MB */
#define MAX_ITEM  4000
#define MAX_ITEMS 20000

typedef struct Reader {
	const char *from, *to;
	char *version; /* NULL: outside the wanted versions */
	char *section;
	Notes found;
} Reader;

static void reader_clear(Reader *reader)
{
	free(reader->version);
	free(reader->section);
	notes_clear(&reader->found);
}

/* What an item is about: its bold start, or, before 0.7 had those, its first sentence. Length of it
 * from *text, which is moved past the marker. */
static size_t title_of(const char **text)
{
	const char *bold = strstr(*text, "**"), *end;
	const size_t sentence = strcspn(*text, ".;");

	if (!bold || bold - *text > 16)
		return sentence;
	*text = bold + 2;
	end = strstr(*text, "**");
	return end ? (size_t)(end - *text) : sentence;
}

/* Open WebUI marks such items with emojis that ordinary items carry too, so the words of the title
 * under "Changed" decide: "Database Migrations", "Plugin async migration required", "back up". */
static bool is_important(const char *section, const char *text)
{
	static const char *const words[] = {"migration", "breaking", "schema change", "back up"};
	AUTO(free_auto) char *title = NULL;
	size_t len;

	if (!str_is(section, "Changed"))
		return false;
	len = title_of(&text);
	title = str_dup_n(text, len);
	for (char *at = title; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strstr(title, words[i]))
			return true;
	return false;
}

static void on_version(Reader *reader, const char *line)
{
	const char *start = line + strspn(line, "# [");
	AUTO(free_auto) char *text = str_dup_n(start, strcspn(start, "] \r"));
	AUTO(free_auto) char *version = NULL;
	AUTO(err_clear) Err ignored = {0};

	str_replace(&reader->version, NULL);
	str_replace(&reader->section, "");
	if (!version_normal(text, &version, &ignored)) /* "Unreleased" */
		return;
	if (version_compare(version, reader->from) > 0 && version_compare(version, reader->to) <= 0)
		reader->version = TAKE(version);
}

static void on_item(Reader *reader, const char *line, size_t len)
{
	Notes *found = &reader->found;
	AUTO(free_auto) char *text = NULL;
	bool important;

	if (!reader->version || found->len >= MAX_ITEMS)
		return;
	text = str_dup_n(line, len < MAX_ITEM ? len : MAX_ITEM);
	important = is_important(reader->section, text);
	found->items = mem_resize(found->items, found->len + 1, sizeof(NoteItem));
	found->items[found->len++] = (NoteItem){
		.version = str_dup(reader->version),
		.section = str_dup(reader->section ? reader->section : ""),
		.important = important,
		.text = TAKE(text),
	};
}

static void read_line(Reader *reader, const char *line, size_t len)
{
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len > 4 && memcmp(line, "### ", 4) == 0) {
		AUTO(free_auto) char *section = str_dup_n(line + 4, len - 4);

		str_replace(&reader->section, section);
	} else if (len > 3 && memcmp(line, "## ", 3) == 0) {
		AUTO(free_auto) char *heading = str_dup_n(line, len);

		on_version(reader, heading);
	} else if (len > 2 && (line[0] == '-' || line[0] == '*') && line[1] == ' ') {
		on_item(reader, line + 2, len - 2);
	}
}

/* The file has the newest version first, so keeping its order within each half is enough. */
static void sort_items(Notes *notes)
{
	NoteItem *sorted = mem_new(notes->len + 1, sizeof(NoteItem));
	size_t at = 0;

	for (int important = 1; important >= 0; important--)
		for (size_t i = 0; i < notes->len; i++)
			if (notes->items[i].important == (important == 1))
				sorted[at++] = notes->items[i];
	free(notes->items);
	notes->items = sorted;
}

bool notes_read(const char *package_dir, const char *from, const char *to, Notes *ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(package_dir, "CHANGELOG.md");
	AUTO(free_auto) char *log = NULL;
	AUTO(reader_clear) Reader reader = {.from = from, .to = to};

	if (!file_exists(path))
		return err_fail(err, ERR_VERIFY, "no change log at '%s'", path);
	if (!file_read(path, MAX_BYTES, &log, NULL, err))
		return false;
	for (const char *line = log; *line;) {
		const size_t len = strcspn(line, "\n");

		read_line(&reader, line, len);
		line += len + (line[len] == '\n');
	}
	sort_items(&reader.found);
	*ret = reader.found;
	reader.found = (Notes){0};
	return true;
}

void notes_clear(Notes *notes)
{
	for (size_t i = 0; i < notes->len; i++) {
		free(notes->items[i].version);
		free(notes->items[i].section);
		free(notes->items[i].text);
	}
	free(notes->items);
	*notes = (Notes){0};
}
