/* pg_client.h - what tests ask the cluster of pg_server.h, past the code under test. */
#pragma once
#include <poll.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "database/database.h"
#include "database/pg_connection.h"
#include "unit.h"

static struct {
	bool running;
	char dir[64];
	int port;
	Site site; /* as 'app' on database 'webui' */
} server;

UNUSED static DatabaseUrl server_url(const char *role, const char *database)
{
	AUTO(free_auto)
	char *text = str_format(
		"postgresql://%s:%s-secret@127.0.0.1:%d/%s", role, role, server.port, database);
	Err err = {0};
	DatabaseUrl url = {0};

	assert_done(database_url_parse(text, "/", &url, &err), &err);
	return url;
}

UNUSED static PgSession *server_session(const char *role, const char *database)
{
	DatabaseUrl url = server_url(role, database);
	const char *const databases[] = {database, NULL};
	PgSession *session = NULL;
	Err err = {0};

	assert_done(pg_connect(&url, databases, &session, &err), &err);
	assert_done(pg_run(session, "SET search_path=public", &err), &err);
	database_url_clear(&url);
	return session;
}

UNUSED static void server_sql(const char *role, const char *database, const char *sql)
{
	PgSession *session = server_session(role, database);
	Err err = {0};

	assert_done(pg_run(session, sql, &err), &err);
	pg_disconnect(session);
}

/* The first value, or "(none)". Caller frees. */
UNUSED static char *server_ask(const char *role, const char *database, const char *query)
{
	PgSession *session = server_session(role, database);
	Err err = {0};
	char *value = NULL;

	assert_done(pg_value(session, query, NULL, &value, &err), &err);
	pg_disconnect(session);
	return value ? value : str_dup("(none)");
}

/* A backend outlives its client for a moment, and an ordinary role may not end a superuser's: that
 * would be what is refused, and not what the test is about. */
UNUSED static void wait_for_superusers_to_leave(void)
{
	for (int tries = 0; tries < 200; tries++) {
		AUTO(free_auto)
		char *left = server_ask("app", "postgres",
			"SELECT count(*) FROM pg_stat_activity WHERE datname = 'webui'"
			" AND usename = 'postgres'");

		if (str_is(left, "0"))
			return;
		poll(NULL, 0, 50);
	}
	fail_msg("a superuser's session does not end");
}

#define assert_sql(role, database, query, wanted)                                                  \
	do {                                                                                       \
		AUTO(free_auto) char *got = server_ask((role), (database), (query));               \
		assert_string_equal(got, (wanted));                                                \
	} while (0)

/* SQLSTATE of a statement, "" when it went well. Transactions in several steps with ';'. */
UNUSED static const char *try(PgSession *session, const char *sql)
{
	static char state[6];
	AUTO(strlist_clear) StrList parts = {0};
	Err err = {0};

	state[0] = '\0';
	strlist_split(&parts, sql, ";");
	for (size_t i = 0; i < parts.len && !state[0]; i++) {
		if (!pg_run(session, parts.items[i], &err))
			snprintf(state, sizeof(state), "%s", pg_state(session));
		err_clear(&err);
	}
	return state;
}

/* The application's kind of session, which nothing of ours has made writable. */
UNUSED static PgSession *client_with(const char *role, const char *options)
{
	DatabaseUrl url = server_url(role, "webui");
	PgSession *session = NULL;
	Err err = {0};

	assert_done(pg_connect_as_is(&url, options, &session, &err), &err);
	database_url_clear(&url);
	return session;
}

UNUSED static PgSession *client(const char *role)
{
	return client_with(role, NULL);
}

#define WRITE "UPDATE chat SET n = 1 WHERE id = 'c1'"
