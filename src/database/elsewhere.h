/* elsewhere.h - the server on which backups are proven and upgrades rehearsed: the site's own, or
 * the one that the site file names as rehearsal_server, so that restoring and migrating a copy
 * costs the site's server neither disk nor write-ahead log nor cache. */
#pragma once
#include "database/database.h"

/* Where backups are proven and upgrades rehearsed: `db` itself, or, where the site file names a
 * rehearsal_server, a port to that one; borrowed. There the live place does not exist, and a copy
 * gets encoding, locale and settings of the site's database; roles and grants have other names. */
Database *database_rehearsal(Database *db);
bool database_is_elsewhere(const Database *db);
/* Only of such a port: can what the site's database holds be restored there? Tried with an empty
 * database. ERR_REFUSED with the reason. */
bool database_fits(Database *elsewhere, Err *err) NODISCARD;
/* "PostgreSQL 15.18, 10.0.0.9:5432" of a PostgreSQL server. */
bool database_server(Database *db, char **ret, Err *err) NODISCARD;
const DatabaseUrl *database_address(const Database *db);
