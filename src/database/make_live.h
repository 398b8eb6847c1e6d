/* make_live.h - an empty database in the live place, for a restore on a machine that has none: the
 * restored one then takes its place like any other. */
#pragma once
#include "database/database.h"

/* ERR_REFUSED unless there is no database, or one without a table. */
bool database_must_be_vacant(Database *db, Err *err) NODISCARD;
/* One that is there stays. PostgreSQL: in UTF-8, owned by the site's role; SQLite: a file of the
 * application's user. */
bool database_make_live(Database *db, Err *err) NODISCARD;
/* Remove it again, if it is the one with that id and still has no table. */
bool database_unmake_live(Database *db, const char *id, Err *err) NODISCARD;
