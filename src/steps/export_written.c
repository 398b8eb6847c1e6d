/* export-written: what was written since the last switch of databases, as lines of JSON in the
 * run's folder, before the other one serves again. Nobody writes any more: the server is stopped,
 * and the door is shut. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/fault.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/export.h"
#include "os/file.h"
#include "os/tree.h"
#include "steps/run_ctx.h"
#include "steps/steps.h"

#define FOLDER    "written-since"
#define MARKS_MAX ((size_t)64 * 1024 * 1024)

typedef struct Lines {
	const char *folder;
	char *table, *path; /* of the file being written */
	FILE *file;
	int64_t rows;
} Lines;

static bool finish_file(Lines *lines, Err *err)
{
	FILE *file = TAKE(lines->file);
	bool written;

	if (!file)
		return true;
	written = fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (!written)
		err_fail_sys(err, "cannot write '%s'", lines->path);
	if (fclose(file) != 0 && written)
		return err_fail_sys(err, "cannot write '%s'", lines->path);
	return written;
}

static void lines_clear(Lines *lines)
{
	if (lines->file)
		fclose(lines->file);
	free(lines->table);
	free(lines->path);
}

static bool begin_file(Lines *lines, const char *table, Err *err)
{
	AUTO(free_auto) char *name = str_format("%s.jsonl", table);
	AUTO(close_auto) int fd = -1;

	for (char *at = name; (at = strchr(at, '/')); at++)
		*at = '_';
	if (!finish_file(lines, err) || !FAULT(err, "export-file"))
		return false;
	str_replace(&lines->table, table);
	free(lines->path);
	lines->path = path_join(lines->folder, name);
	fd = open(lines->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !(lines->file = fdopen(fd, "w")))
		return err_fail_sys(err, "cannot make '%s'", lines->path);
	fd = -1;
	return true;
}

static bool take_line(void *arg, const char *table, const char *line, Err *err)
{
	Lines *lines = arg;

	if (!str_is(lines->table, table) && !begin_file(lines, table, err))
		return false;
	lines->rows++;
	return (fputs(line, lines->file) >= 0 && fputc('\n', lines->file) != EOF) ||
	       err_fail_sys(err, "cannot write '%s'", lines->path);
}

static bool record(RunCtx *ctx, const Lines *lines, Err *err)
{
	AUTO(json_release_auto) json_t *exported = json_object();

	json_put(exported, "folder", lines->rows ? lines->folder : NULL);
	json_put_int(exported, "rows", lines->rows);
	if (!fact_set_json(ctx, FACT_EXPORTED, exported, err))
		return false;
	if (lines->rows)
		event_notice("exported", false,
			"rows written since the last switch are kept in '%s': %lld", lines->folder,
			(long long)lines->rows);
	return true;
}

/* A second attempt writes the files anew. */
static bool export(RunCtx *ctx, const char *spare, const json_t *marks, bool grew, Err *err)
{
	const WrittenSpec spec = {
		.place = database_live(ctx->db), .before = spare, .marks = marks, .grew = grew};
	AUTO(free_auto) char *folder = run_ctx_log(ctx, FOLDER);
	AUTO(lines_clear) Lines lines = {.folder = folder};

	return FAULT(err, "export-written") && tree_remove(folder, err) &&
	       dir_make(folder, 0700, err) &&
	       database_export_since(ctx->db, &spec, take_line, &lines, err) &&
	       finish_file(&lines, err) && dir_sync(folder, err) && record(ctx, &lines, err);
}

/* Those of the run that this one takes back; NULL: an older belay took none. Only an upgrade, which
 * copies, lets the spare database grow into the live one. */
static bool read_marks(RunCtx *ctx, json_t **ret, bool *ret_grew, Err *err)
{
	AUTO(free_auto) char *text = NULL;
	AUTO(free_auto) char *proof = NULL;
	const char *of;

	*ret = NULL;
	if (!fact_need(ctx, FACT_UNDOES, &of, err) ||
		!journal_fact(ctx->journal, of, fact_name(FACT_MARKS), &text, err) ||
		!journal_fact(ctx->journal, of, fact_name(FACT_PROOF), &proof, err))
		return false;
	*ret_grew = proof != NULL;
	return !text || json_parse(text, strlen(text), MARKS_MAX, ret, err);
}

static bool shut_and_export(RunCtx *ctx, Err *err)
{
	AUTO(json_release_auto) json_t *marks = NULL;
	const char *live_id, *spare;
	bool grew;

	if (!fact_need(ctx, FACT_LIVE_ID, &live_id, err) ||
		!fact_need(ctx, FACT_SPARE, &spare, err) || !read_marks(ctx, &marks, &grew, err))
		return false;
	if (!marks) {
		event_notice("not-exported", true,
			"what was written since cannot be told, so it is not exported; the "
			"database that served is kept");
		return true;
	}
	return database_door(ctx->db, live_id, false, err) && export(ctx, spare, marks, grew, err);
}

/* Nobody loses data silently: only who typed it goes on without. */
static bool apply(RunCtx *ctx, Err *err)
{
	if (shut_and_export(ctx, err))
		return true;
	err_wrap(err, "exporting what was written since the last switch");
	if (!fact_is_yes(ctx, FACT_ACCEPT_LOSS) || err->kind == ERR_INTERRUPTED) {
		err_hint(err, "belay rollback --accept-loss goes back without the export");
		return false;
	}
	event_warn_err("not-exported", err);
	return true;
}

const StepDef step_export_written = {
	.id = "export-written",
	.title = N_("keep what was written since the last switch"),
	.undo_kind = UNDO_NOTHING,
	.until = "swap-database",
	.apply = apply,
};
