/* ops.h - what a backend of the port is: one operation for each function of database.h, with the
 * same contract. Only src/database includes this.
 *
 * database_open() makes a zeroed Database, fills in ops and site and calls ops->open, which
 * connects nowhere and must set `live` (freed by the port) and may set `backend` (freed by
 * ops->close, which is called once, also when open failed, with backend possibly NULL). */
#pragma once
#include "database/database.h"
#include "database/export.h"
#include "database/make_live.h"

typedef struct DatabaseOps {
	bool is_sqlite;
	bool (*open)(Database *db, Err *err);
	void (*close)(Database *db);
	char *(*spare_name)(const Database *db, const char *run);
	char *(*url_of)(const Database *db, const char *place);

	bool (*about)(Database *db, DatabaseAbout *ret, Err *err);
	bool (*glance)(Database *db, DatabaseAbout *ret, StrList *ret_revisions, Err *err);
	bool (*id)(Database *db, const char *place, char **ret, Err *err);
	bool (*revision)(Database *db, const char *place, StrList *ret, Err *err);
	bool (*counts)(Database *db, const char *place, json_t **ret, Err *err);
	bool (*digests)(Database *db, const char *place, json_t **ret, Err *err);
	bool (*ask)(Database *db, const char *place, const char *query, char **ret, Err *err);

	bool (*folder)(Database *db, char **ret, Err *err); /* NULL: that of the live place */
	/* NULL: there is no such thing */
	bool (*server)(Database *db, char **ret, Err *err);
	bool (*fits)(Database *elsewhere, Err *err);
	int64_t (*server_number)(Database *db, const char *query);

	bool (*sessions)(Database *db, StrList *ret, Err *err);
	bool (*try_rights)(Database *db, Err *err);
	bool (*obstacles)(Database *db, Err *ret, Err *err);
	bool (*replication)(Database *db, Err *ret, Err *err); /* NULL: there is no such thing */
	bool (*orphans)(Database *db, Err *ret, Err *err);     /* likewise */

	bool (*door)(Database *db, const char *id, bool open, Err *err);
	bool (*door_is_open)(Database *db, const char *id, bool *ret, Err *err);

	bool (*copy_make)(
		Database *db, const char *spare, const char *run, json_t **ret_proof, Err *err);
	bool (*copy_drop)(
		Database *db, const char *spare, const char *id, const char *run, Err *err);
	bool (*exchange)(Database *db, const DatabaseExchange *exchange, Err *err);

	bool (*freeze)(Database *db, const char *live_id, Err *err);
	bool (*thaw)(Database *db, const char *id, Err *err);
	bool (*is_frozen)(Database *db, const char *id, bool *ret, Err *err);
	bool (*can_freeze)(Database *db, Err *ret_why, Err *err);
	bool (*copy_frozen)(Database *db, const char *spare, const char *run, int64_t max_gap_ms,
		json_t **ret_proof, int64_t *ret_gap_ms, Err *err);

	bool (*mark)(Database *db, const char *place, json_t **ret_marks, Err *err);
	bool (*written_since)(
		Database *db, const char *place, const json_t *marks, json_t **ret, Err *err);
	bool (*export_since)(
		Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err);

	bool (*shape)(Database *db, const char *place, json_t **ret, Err *err);
	bool (*dump)(
		Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how, Err *err);
	bool (*restore)(Database *db, const char *spare, const char *run, DumpSource source,
		void *arg, Err *err);
	char *(*scratch_name)(const Database *db, const char *run);
	bool (*restore_way)(Database *db, bool *ret_from_file, char **ret_how, Err *err);
	bool (*restore_file)(Database *db, const char *scratch, const char *run, const char *path,
		bool statistics, Err *err);
	bool (*scratch_sweep)(Database *db, const char *run, StrList *ret, Err *err);
	bool (*make_live)(Database *db, Err *err);
	bool (*unmake_live)(Database *db, const char *id, Err *err);
	bool (*kept_drop)(Database *db, const char *spare, const char *id, Err *err);
} DatabaseOps;

struct Database {
	const DatabaseOps *ops;
	const Site *site; /* of a site in a container: `reached` */
	char *host;       /* that reached.database.host points to (reach.h), else NULL */
	Site reached;     /* the site with that host, or there; all else is the site's own */
	char *live;
	void *backend;
	Database *there;       /* on the rehearsal server; NULL: there is none, or this is it */
	Database *like;        /* only there: the site's own */
	DatabaseUrl elsewhere; /* only there: that `reached` names */
};

/* elsewhere.c: sets db->there where the site file names a server for it. */
bool database_open_elsewhere(const Site *site, Database *db, Err *err) NODISCARD;

extern const DatabaseOps sqlite_database_ops; /* sqlite_database.c */
extern const DatabaseOps pg_database_ops;     /* pg_database.c */
