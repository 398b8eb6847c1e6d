#include "database/server_work.h"

/* PostgreSQL 17 moved them to a view of their own. */
static int64_t asked_checkpoints(Database *db)
{
	const int64_t version = database_server_number(
		db, "SELECT current_setting('server_version_num')::bigint");

	return database_server_number(db, version >= 170000
						  ? "SELECT num_requested FROM pg_stat_checkpointer"
						  : "SELECT checkpoints_req FROM pg_stat_bgwriter");
}

ServerWork server_work(Database *db)
{
	return (ServerWork){
		.wal_bytes = database_server_number(
			db, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"),
		.checkpoints = asked_checkpoints(db),
	};
}

/* A server that was made or its figures set back meanwhile counts from the beginning. */
static int64_t grown(int64_t from, int64_t to)
{
	return from >= 0 && to > from ? to - from : 0;
}

ServerWork server_work_since(Database *db, ServerWork begin)
{
	const ServerWork now = server_work(db);

	return (ServerWork){
		.wal_bytes = grown(begin.wal_bytes, now.wal_bytes),
		.checkpoints = grown(begin.checkpoints, now.checkpoints),
	};
}
