#include "release/migrations.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"

#define MAX_FILE_BYTES (2 * 1024 * 1024)
#define MAX_FILES      5000
#define MAX_TITLE      200

typedef struct Revision {
	char *id;
	char *down; /* NULL: the root */
	char *title;
	bool used;
} Revision;

typedef struct Chain {
	Revision *items;
	size_t len;
} Chain;

static void chain_clear(Chain *chain)
{
	for (size_t i = 0; i < chain->len; i++) {
		free(chain->items[i].id);
		free(chain->items[i].down);
		free(chain->items[i].title);
	}
	free(chain->items);
	*chain = (Chain){0};
}

/* The text behind `name = ` or `name: annotation = ` at the start of a line, else NULL. */
static const char *find_value(const char *source, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = source; line; line = strchr(line, '\n')) {
		const char *at = *line == '\n' ? ++line : line;

		if (strncmp(at, name, len) != 0)
			continue;
		at += len;
		at += strspn(at, " \t");
		if (*at != '=' && *at != ':')
			continue;
		at += strcspn(at, "=\n");
		if (*at != '=')
			continue;
		at++;
		return at + strspn(at, " \t(");
	}
	return NULL;
}

/* *ret NULL for None. false: neither None nor one quoted id. Two parents are a merge, which no
 * release has had: what comes "after" a revision would be undefined. */
static bool read_id(const char *value, char **ret)
{
	const char *after;
	size_t len;

	if (str_starts(value, "None"))
		return true;
	if (*value != '\'' && *value != '"')
		return false;
	len = strcspn(value + 1, "'\"\n");
	if (!len || value[len + 1] != *value)
		return false;
	after = value + len + 2;
	after += strspn(after, " \t,\r\n");
	if (*after == '\'' || *after == '"')
		return false;
	*ret = str_dup_n(value + 1, len);
	return true;
}

static char *read_title(const char *source)
{
	const char *at = source + strspn(source, " \t\r\n");
	char quote = *at;
	size_t len;

	if ((quote != '"' && quote != '\'') || at[1] != quote || at[2] != quote)
		return str_dup("");
	at += 3;
	at += strspn(at, " \t\r\n");
	len = strcspn(at, "\r\n");
	for (size_t i = 0; i + 2 < len; i++)
		if (at[i] == quote && at[i + 1] == quote && at[i + 2] == quote)
			len = i;
	return str_dup_n(at, len < MAX_TITLE ? len : MAX_TITLE);
}

static bool read_revision(const char *path, Chain *chain, Err *err)
{
	AUTO(free_auto) char *source = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *down = NULL;
	const char *id_at, *down_at;

	if (!file_read(path, MAX_FILE_BYTES, &source, NULL, err))
		return false;
	id_at = find_value(source, "revision");
	if (!id_at) /* a helper module beside the revisions */
		return true;
	down_at = find_value(source, "down_revision");
	if (!read_id(id_at, &id) || !id || !down_at || !read_id(down_at, &down))
		return err_fail(err, ERR_VERIFY, "cannot read the revision of '%s'", path);
	chain->items = mem_resize(chain->items, chain->len + 1, sizeof(Revision));
	chain->items[chain->len++] = (Revision){
		.id = TAKE(id), .down = TAKE(down), .title = read_title(source)};
	return true;
}

static bool read_folder(const char *folder, Chain *chain, Err *err)
{
	AUTO(strlist_clear) StrList names = {0};

	if (!dir_list(folder, &names, err))
		return false;
	if (names.len > MAX_FILES)
		return err_fail(err, ERR_VERIFY, "too many files in '%s'", folder);
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *path = path_join(folder, names.items[i]);

		if (str_ends(path, ".py") && !read_revision(path, chain, err))
			return false;
	}
	if (!chain->len)
		return err_fail(err, ERR_VERIFY, "no migrations in '%s'", folder);
	return true;
}

static Revision *follower(const Chain *chain, const char *down, size_t *ret_count)
{
	Revision *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < chain->len; i++) {
		if (!str_is(chain->items[i].down, down))
			continue;
		found = &chain->items[i];
		(*ret_count)++;
	}
	return found;
}

/* From the root upwards. A loop ends because each revision is used once. */
static bool order(const Chain *chain, const char *folder, Migrations *ret, Err *err)
{
	const char *at = NULL;
	size_t count;

	for (Revision *next = follower(chain, NULL, &count); next;
		next = follower(chain, at, &count)) {
		if (count > 1)
			return err_fail(err, ERR_VERIFY, "several migrations in '%s' follow '%s'",
				folder, at ? at : "(nothing)");
		if (next->used)
			break;
		next->used = true;
		strlist_add(&ret->ids, next->id);
		strlist_add(&ret->titles, next->title);
		at = next->id;
	}
	if (ret->ids.len != chain->len)
		return err_fail(err, ERR_VERIFY,
			"the chain of migrations in '%s' has a gap after '%s'", folder,
			at ? at : "(nothing)");
	ret->head = str_dup(at);
	return true;
}

bool migrations_read(const char *package_dir, Migrations *ret, Err *err)
{
	AUTO(free_auto) char *folder = path_join(package_dir, "migrations/versions");
	AUTO(chain_clear) Chain chain = {0};
	AUTO(migrations_clear) Migrations found = {0};

	if (file_kind(folder) != FILE_FOLDER)
		return err_fail(err, ERR_VERIFY, "no migrations in '%s'", folder);
	if (!read_folder(folder, &chain, err) || !order(&chain, folder, &found, err))
		return false;
	*ret = found;
	found = (Migrations){0};
	return true;
}

void migrations_clear(Migrations *migrations)
{
	free(migrations->head);
	strlist_clear(&migrations->ids);
	strlist_clear(&migrations->titles);
	*migrations = (Migrations){0};
}

bool migrations_has(const Migrations *migrations, const char *revision)
{
	return strlist_has(&migrations->ids, revision);
}

bool migrations_after(const Migrations *migrations, const char *from, StrList *ret)
{
	size_t i = 0;

	/* A database without a revision has everything before it. */
	if (!str_empty(from)) {
		while (i < migrations->ids.len && !str_is(migrations->ids.items[i], from))
			i++;
		if (i == migrations->ids.len)
			return false;
		i++;
	}
	for (; i < migrations->ids.len; i++)
		strlist_add(ret, migrations->ids.items[i]);
	return true;
}
