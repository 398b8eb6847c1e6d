/* pg_elsewhere.h - scratch databases on another server, which the key rehearsal_server names: as
 * like the site's as they can be where its roles are not. */
#pragma once
#include "base/text.h"
#include "database/pg.h"

bool pg_create_elsewhere(Database *db, const char *spare, const char *run, Err *err) NODISCARD;
bool pg_fits(Database *db, Err *err) NODISCARD;
/* Whose the restored objects become. */
void pg_restore_as(const Database *db, bool superuser, StrList *argv);

/* pg_copy.c: ENCODING … LC_COLLATE … as the database `live` has them, for CREATE DATABASE. */
bool pg_locale_words(PgSession *admin, const char *live, Text *out, Err *err) NODISCARD;
/* pg_properties.c: as it must be written after SET name TO. */
char *pg_setting_value(const char *setting, const char *value);
