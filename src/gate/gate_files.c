#include "base/mem.h"
#include "base/text.h"
#include "gate/gate_questions.h"
#include "os/file.h"
#include "os/sql.h"
#include "os/tree.h"

#define BUSY_MS 2000

bool gate_uploads(const Asking *asking, char **ret_saw, Err *err)
{
	const GateSpec *spec = asking->spec;
	TreeSize now;

	if (!spec->uploads_dir || spec->uploads <= 0) {
		*ret_saw = str_dup("not asked");
		return true;
	}
	if (!tree_size(spec->uploads_dir, &now, err))
		return false;
	if (now.files * 2 < spec->uploads)
		return err_fail(err, ERR_VERIFY,
			"'%s' holds %lld uploads and held %lld before the start", spec->uploads_dir,
			(long long)now.files, (long long)spec->uploads);
	*ret_saw = str_format("%lld files", (long long)now.files);
	return true;
}

/* -1: no such table, or no such file. A file that is no database any more is an error. */
static bool count_collections(const char *folder, int64_t *ret, Err *err)
{
	AUTO(free_auto) char *path = path_join(folder, "chroma.sqlite3");
	AUTO(sql_close_auto) Sql *sql = NULL;
	AUTO(free_auto) char *there = NULL;
	AUTO(free_auto) char *count = NULL;

	*ret = -1;
	if (file_kind(path) != FILE_REGULAR)
		return true;
	if (!sql_open(path, SQL_READ, BUSY_MS, &sql, err) ||
		!sql_value(sql,
			"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'collections'",
			NULL, &there, err))
		return false;
	if (!str_is(there, "1"))
		return true;
	if (!sql_value(sql, "SELECT count(*) FROM collections", NULL, &count, err))
		return false;
	*ret = strtoll(count, NULL, 10);
	return true;
}

/* A newer library may rebuild the store in place on first opening; it must not lose it. */
bool gate_vectors(const Asking *asking, char **ret_saw, Err *err)
{
	const GateSpec *spec = asking->spec;
	AUTO(err_clear) Err ignored = {0};
	int64_t before, now;

	*ret_saw = NULL;
	if (!spec->vector_dir || !spec->vector_before ||
		!count_collections(spec->vector_before, &before, &ignored) || before < 0) {
		*ret_saw = str_dup("not asked");
		return true;
	}
	if (!count_collections(spec->vector_dir, &now, err)) {
		err->kind = ERR_VERIFY;
		return err_wrap(err, "the vector store in '%s' cannot be read", spec->vector_dir);
	}
	if (now * 2 < before || now < 0)
		return err_fail(err, ERR_VERIFY,
			"the vector store in '%s' has %lld collections and had %lld before",
			spec->vector_dir, (long long)(now < 0 ? 0 : now), (long long)before);
	*ret_saw = str_format("%lld collections", (long long)now);
	return true;
}
