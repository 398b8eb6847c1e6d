/* database_url.h - DATABASE_URL as Open WebUI understands it (SQLAlchemy's form), taken apart. */
#pragma once
#include "base/error.h"
#include "base/list.h"

typedef enum { DATABASE_SQLITE, DATABASE_POSTGRES } DatabaseKind;

typedef struct DatabaseUrl {
	DatabaseKind kind;
	char *scheme; /* as written: postgres, postgresql, postgresql+psycopg2, sqlite … */
	char *user, *password, *host; /* decoded; NULL when absent. IPv6 without brackets */
	int port;                     /* 5432 when absent */
	char *name;                   /* PostgreSQL: database; SQLite: absolute path of the file */
	char *query;                  /* what follows '?', as written; NULL when absent */
} DatabaseUrl;

/* ERR_CONFIG for what is not one; ERR_REFUSED, by name, for sqlite+sqlcipher, mysql and others.
 * A relative SQLite path is taken from `start_directory`. The password is given to redact_add(). */
bool database_url_parse(
	const char *text, const char *start_directory, DatabaseUrl *ret, Err *err) NODISCARD;
void database_url_clear(DatabaseUrl *url);
/* The same URL with another database name or file, written as it is: SQLAlchemy decodes neither, so
 * a name with a '?' in it cannot be. Caller frees. */
char *database_url_with_name(const DatabaseUrl *url, const char *name);
char *database_url_masked(const DatabaseUrl *url);
/* libpq keywords and values (host, port, user, password, dbname, and those of the query that libpq
 * knows: sslmode, sslrootcert, connect_timeout, options …) as two parallel lists. */
void database_url_conninfo(const DatabaseUrl *url, StrList *ret_keywords, StrList *ret_values);
