#include "database/pg.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

/* A server that dies in CREATE DATABASE leaves the new folder behind, as large as the database that
 * was copied, and no catalog ever names it again. A folder is one of these when no database has its
 * number. Databases that are being made or dropped hold a lock on pg_database from before the first
 * to after the last file: so the folders are listed first, then that lock is looked for, then the
 * numbers are asked. */

enum { MAX_TOLD = 20 };

typedef struct Folder {
	char *path; /* on this machine, else within the server's data folder */
	char *id;
	int64_t bytes; /* -1: not known yet */
} Folder;
typedef struct Folders {
	Folder *items;
	size_t len;
} Folders;

static void folders_clear(Folders *folders)
{
	for (size_t i = 0; i < folders->len; i++) {
		free(folders->items[i].path);
		free(folders->items[i].id);
	}
	free(folders->items);
	*folders = (Folders){0};
}

static void add_folder(Folders *folders, const char *base, const char *id, int64_t bytes)
{
	if (str_empty(id) || id[strspn(id, "0123456789")] != '\0')
		return;
	folders->items = mem_resize(folders->items, folders->len + 1, sizeof(Folder));
	folders->items[folders->len++] = (Folder){
		.path = path_join(base, id), .id = str_dup(id), .bytes = bytes};
}

/* False where this machine does not show it. */
static bool list_here(Database *db, Folders *ret)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *folder = NULL;
	AUTO(err_clear) Err ignored = {0};

	if (!pg_folder(db, &folder, &ignored) || !folder)
		return false;
	AUTO(free_auto) char *base = path_join(folder, "base");

	if (!dir_list(base, &names, &ignored))
		return false;
	for (size_t i = 0; i < names.len; i++)
		add_folder(ret, base, names.items[i], -1);
	return true;
}

/* As a superuser, or whoever may use the server's own functions for it. */
static bool list_there(PgSession *admin, Folders *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(free_auto) char *may = NULL;

	if (!pg_value(admin,
		    "SELECT has_function_privilege('pg_ls_dir(text)', 'EXECUTE')"
		    " AND has_function_privilege('pg_ls_dir(text, boolean, boolean)', 'EXECUTE')"
		    " AND has_function_privilege('pg_stat_file(text, boolean)', 'EXECUTE')",
		    NULL, &may, err))
		return false;
	if (!str_is(may, "t"))
		return true;
	if (!pg_query(admin,
		    "SELECT d, (SELECT coalesce(sum((pg_stat_file('base/' || d || '/' || f, true)).size),"
		    " 0) FROM pg_ls_dir('base/' || d, true, false) f)"
		    " FROM pg_ls_dir('base') d WHERE d ~ '^[0-9]+$'"
		    " AND d NOT IN (SELECT oid::text FROM pg_database) ORDER BY 1",
		    NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++)
		add_folder(ret, "base", pg_text(rows, i, 0), pg_int(rows, i, 1));
	return true;
}

static bool being_made(PgSession *admin, bool *ret, Err *err)
{
	AUTO(free_auto) char *locks = NULL;

	if (!pg_value(admin,
		    "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND granted"
		    " AND relation = 'pg_database'::regclass AND mode = 'RowExclusiveLock'",
		    NULL, &locks, err))
		return false;
	*ret = !str_is(locks, "0");
	return true;
}

static int64_t bytes_of(const Folder *folder)
{
	AUTO(err_clear) Err ignored = {0};
	TreeSize size = {0};

	if (folder->bytes >= 0 || !tree_size(folder->path, &size, &ignored))
		return folder->bytes;
	return size.bytes;
}

static void tell(const Folder *folder, Text *command, Err *ret)
{
	const int64_t bytes = bytes_of(folder);

	err_also(ret, ERR_REFUSED, "folder '%s' of the database server (%s) belongs to no database",
		folder->path, bytes < 0 ? "?" : str_bytes((unsigned long long)bytes));
	text_addf(command, " '%s'", folder->path);
}

static bool keep_orphans(PgSession *admin, const Folders *folders, Err *ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;
	AUTO(strlist_clear) StrList known = {0};
	AUTO(text_clear) Text command = TEXT_INIT(8192);
	size_t told = 0;

	if (!pg_query(admin, "SELECT oid FROM pg_database", NULL, &rows, err))
		return false;
	for (int i = 0; i < pg_rows(rows); i++)
		strlist_add(&known, pg_text(rows, i, 0));
	for (size_t i = 0; i < folders->len && told < MAX_TOLD; i++) {
		if (strlist_has(&known, folders->items[i].id))
			continue;
		tell(&folders->items[i], &command, ret);
		told++;
	}
	if (told > 0)
		err_hint(ret,
			"a server that died while it made a database left it, and belay never removes it;"
			" in the server's data folder, as its user: rm -r%s",
			command.data);
	return true;
}

bool pg_orphans(Database *db, Err *ret, Err *err)
{
	AUTO(folders_clear) Folders folders = {0};
	PgSession *admin;
	bool busy = false;

	if (!pg_admin(db, &admin, err))
		return false;
	if (!list_here(db, &folders) && !list_there(admin, &folders, err))
		return err_wrap(err, "looking for folders that belong to no database");
	if (folders.len == 0)
		return true;
	if (!being_made(admin, &busy, err) || (!busy && !keep_orphans(admin, &folders, ret, err)))
		return err_wrap(err, "looking for folders that belong to no database");
	return true;
}
