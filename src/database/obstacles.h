/* obstacles.h - what an upgrade would meet in the database, asked before anything is stopped
 * (database.h is the port itself). */
#pragma once
#include "database/database.h"

/* Try every right an upgrade needs on scratch databases; ERR_REFUSED with the line to type. */
bool database_try_rights(Database *db, Err *err) NODISCARD;
/* Replication slots and subscriptions, all in one; empty: none. An exchange leaves them with the
 * database that it sets aside, so the operator must agree. They are never dropped. */
bool database_replication(Database *db, Err *ret, Err *err) NODISCARD;
/* Folders in the server's data folder that belong to no database (a server killed in CREATE
 * DATABASE leaves one as large as the copy, which no catalog names), all in one with what to type;
 * empty: none, or it is not for this role and this machine to see. They are never removed. */
bool database_orphans(Database *db, Err *ret, Err *err) NODISCARD;
/* What would make a copy and exchange unsafe (prepared transactions, missing rights, role settings
 * …), all findings in one; empty: fine. */
bool database_obstacles(Database *db, Err *ret, Err *err) NODISCARD;
