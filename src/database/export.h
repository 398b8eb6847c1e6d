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
typedef struct WrittenSpec {
	const char *place, *before;
	const json_t *marks;
	/* `before` grew into the marked state. Else (the newer version, when going forward to it
	 * again) what is missing in comparison with it says nothing, and no row is "deleted". */
	bool grew;
} WrittenSpec;
bool database_export_since(
	Database *db, const WrittenSpec *spec, WrittenSink sink, void *arg, Err *err) NODISCARD;
