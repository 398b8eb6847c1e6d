/* export.h - the rows themselves that database_written_since() counts, for a rollback that leaves
 * them behind.
 *
 * The sink gets lines of JSON, table by table:
 *     {"change": "added" | "changed" | "deleted", "key": {…}, "row": {…}}
 * without "row" for deleted ones, whose row is in `before`: the place of the database from before
 * the marks, which is only read. Bytes that are no text are {"hex": "…"}.
 *
 * PostgreSQL tells by the transaction that wrote a row; SQLite by comparing with `before`, so in a
 * table that was written it also tells the rows that the migration changed. */
#pragma once
#include "database/database.h"

typedef bool (*WrittenSink)(void *arg, const char *table, const char *line, Err *err);
bool database_export_since(Database *db, const char *place, const char *before, const json_t *marks,
	WrittenSink sink, void *arg, Err *err) NODISCARD;
