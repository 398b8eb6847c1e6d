#include "database/database.h"
#include "database/freeze.h"
#include "database/obstacles.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "database/ops.h"
#include "database/reach.h"

bool database_open(const Site *site, Database **ret, Err *err)
{
	AUTO(database_close_auto) Database *db = NEW(Database);

	db->site = site;
	if (!database_reach(site, &db->host, err))
		return false;
	if (db->host) {
		db->reached = *site;
		db->reached.database.host = db->host;
		db->site = &db->reached;
	}
	db->ops = site->database.kind == DATABASE_SQLITE ? &sqlite_database_ops : &pg_database_ops;
	if (!db->ops->open(db, err) || !database_open_elsewhere(site, db, err))
		return false;
	*ret = TAKE(db);
	return true;
}

void database_site_changed(Database *db, const Site *site)
{
	if (db->site != &db->reached)
		return;
	db->reached = *site;
	db->reached.database.host = db->host;
}

void database_close(Database *db)
{
	if (!db)
		return;
	database_close(db->there);
	if (db->ops)
		db->ops->close(db);
	database_url_clear(&db->elsewhere);
	free(db->live);
	free(db->host);
	free(db);
}

bool database_is_sqlite(const Database *db)
{
	return db->ops->is_sqlite;
}

const char *database_live(const Database *db)
{
	return db->live;
}

char *database_spare_name(const Database *db, const char *run)
{
	return db->ops->spare_name(db, run);
}

char *database_url_of(const Database *db, const char *place)
{
	return db->ops->url_of(db, place);
}

bool database_about(Database *db, DatabaseAbout *ret, Err *err)
{
	return db->ops->about(db, ret, err);
}

void database_about_clear(DatabaseAbout *about)
{
	free(about->server);
	free(about->name);
	free(about->server_id);
	free(about->encoding);
	*about = (DatabaseAbout){0};
}

bool database_id(Database *db, const char *place, char **ret, Err *err)
{
	return db->ops->id(db, place, ret, err);
}

bool database_glance(Database *db, DatabaseAbout *ret, StrList *ret_revisions, Err *err)
{
	return db->ops->glance(db, ret, ret_revisions, err);
}

bool database_revision(Database *db, const char *place, StrList *ret, Err *err)
{
	return db->ops->revision(db, place, ret, err);
}

bool database_counts(Database *db, const char *place, json_t **ret, Err *err)
{
	return db->ops->counts(db, place, ret, err);
}

bool database_digests(Database *db, const char *place, json_t **ret, Err *err)
{
	return db->ops->digests(db, place, ret, err);
}

bool database_ask(Database *db, const char *place, const char *query, char **ret, Err *err)
{
	return db->ops->ask(db, place, query, ret, err);
}

int64_t database_server_number(Database *db, const char *query)
{
	return db->ops->server_number ? db->ops->server_number(db, query) : -1;
}

bool database_folder(Database *db, char **ret, Err *err)
{
	if (db->ops->folder)
		return db->ops->folder(db, ret, err);
	*ret = path_folder(db->live);
	return true;
}

bool database_sessions(Database *db, StrList *ret, Err *err)
{
	return db->ops->sessions(db, ret, err);
}

bool database_try_rights(Database *db, Err *err)
{
	return db->ops->try_rights(db, err);
}

bool database_replication(Database *db, Err *ret, Err *err)
{
	return !db->ops->replication || db->ops->replication(db, ret, err);
}

bool database_orphans(Database *db, Err *ret, Err *err)
{
	return !db->ops->orphans || db->ops->orphans(db, ret, err);
}

bool database_obstacles(Database *db, Err *ret, Err *err)
{
	return db->ops->obstacles(db, ret, err);
}

bool database_door(Database *db, const char *id, bool open, Err *err)
{
	return db->ops->door(db, id, open, err);
}

bool database_door_is_open(Database *db, const char *id, bool *ret, Err *err)
{
	return db->ops->door_is_open(db, id, ret, err);
}

bool database_copy_make(
	Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err)
{
	return db->ops->copy_make(db, spare, run, ret_proof, err);
}

bool database_copy_drop(Database *db, const char *spare, const char *id, const char *run, Err *err)
{
	return db->ops->copy_drop(db, spare, id, run, err);
}

bool database_exchange(Database *db, const DatabaseExchange *exchange, Err *err)
{
	return db->ops->exchange(db, exchange, err);
}

bool database_freeze(Database *db, const char *live_id, Err *err)
{
	return db->ops->freeze(db, live_id, err);
}

bool database_thaw(Database *db, const char *id, Err *err)
{
	return db->ops->thaw(db, id, err);
}

bool database_is_frozen(Database *db, const char *id, bool *ret, Err *err)
{
	return db->ops->is_frozen(db, id, ret, err);
}

bool database_can_freeze(Database *db, Err *ret_why, Err *err)
{
	return db->ops->can_freeze(db, ret_why, err);
}

bool database_copy_frozen(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
	json_t **ret_proof, int64_t *ret_gap_ms, Err *err)
{
	return db->ops->copy_frozen(db, spare, run, max_gap_ms, ret_proof, ret_gap_ms, err);
}

bool database_mark(Database *db, const char *place, json_t **ret_marks, Err *err)
{
	return db->ops->mark(db, place, ret_marks, err);
}

bool database_written_since(
	Database *db, const char *place, const json_t *marks, json_t **ret, Err *err)
{
	return db->ops->written_since(db, place, marks, ret, err);
}

bool database_export_since(
	Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err)
{
	return db->ops->export_since(db, spec, sink, arg, err);
}

bool database_shape(Database *db, const char *place, json_t **ret, Err *err)
{
	return db->ops->shape(db, place, ret, err);
}

bool database_dump(
	Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how, Err *err)
{
	return db->ops->dump(db, sink, arg, ret, ret_how, err);
}

void dump_figures_clear(DumpFigures *figures)
{
	json_decref(figures->tables);
	json_decref(figures->shape);
	json_decref(figures->sequences_after);
	*figures = (DumpFigures){0};
}

bool database_restore(
	Database *db, const char *spare, const char *run, DumpSource source, void *arg, Err *err)
{
	return db->ops->restore(db, spare, run, source, arg, err);
}

char *database_scratch_name(const Database *db, const char *run)
{
	return db->ops->scratch_name(db, run);
}

bool database_restore_way(Database *db, bool *ret_from_file, char **ret_how, Err *err)
{
	return db->ops->restore_way(db, ret_from_file, ret_how, err);
}

bool database_restore_file(Database *db, const char *scratch, const char *run, const char *path,
	bool statistics, Err *err)
{
	return db->ops->restore_file(db, scratch, run, path, statistics, err);
}

bool database_scratch_sweep(Database *db, const char *run, StrList *ret, Err *err)
{
	return db->ops->scratch_sweep(db, run, ret, err);
}

bool database_kept_drop(Database *db, const char *spare, const char *id, Err *err)
{
	return db->ops->kept_drop(db, spare, id, err);
}

static bool is_vacant(Database *db, bool *ret, Err *err)
{
	AUTO(json_release_auto) json_t *counts = NULL;
	AUTO(free_auto) char *id = NULL;

	*ret = false;
	if (!database_id(db, db->live, &id, err) ||
		(id && !database_counts(db, db->live, &counts, err)))
		return false;
	*ret = !id || json_object_size(counts) == 0;
	return true;
}

bool database_must_be_vacant(Database *db, Err *err)
{
	bool vacant;

	if (!is_vacant(db, &vacant, err))
		return false;
	if (vacant)
		return true;
	err_fail(err, ERR_REFUSED, "the database '%s' is not empty", db->live);
	return err_hint(err, "name an empty one: belay restore SET --database URL");
}

bool database_make_live(Database *db, Err *err)
{
	return db->ops->make_live(db, err);
}

bool database_unmake_live(Database *db, const char *id, Err *err)
{
	AUTO(free_auto) char *there = NULL;
	bool vacant;

	if (!database_id(db, db->live, &there, err))
		return false;
	if (!there)
		return true;
	if (!str_is(there, id) || !is_vacant(db, &vacant, err) || !vacant)
		return err->kind == ERR_NONE &&
		       err_fail(err, ERR_FOREIGN, "'%s' is not the empty database that was made",
			       db->live);
	return db->ops->unmake_live(db, id, err);
}
