#include "database/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/signals.h"

enum { CONNECT_MS = 10000, CANCEL_MS = 5000, TICK_MS = 1000 };

struct PgSession {
	PGconn *conn;
	int64_t limit_ms;
	bool broken; /* a cancelled statement never answered: nothing more can be asked */
	char state[6];
	char *warning;
};

/* -- connecting ------------------------------------------------------------------------------- */

static void on_notice(void *arg, const PGresult *result)
{
	PgSession *session = arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity && strcmp(severity, "WARNING") == 0)
		str_replace(&session->warning, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

/* The message of a refused connection carries its SQLSTATE only in verbose form: "FATAL:  28P01:
 * text". The code tells the cases apart in whatever language the server speaks. */
static void state_in_message(const char *message, char ret_state[6])
{
	ret_state[0] = '\0';
	for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
		const char *code = at + 3;
		size_t len = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (len == 5 && code[5] == ':') {
			memcpy(ret_state, code, 5);
			ret_state[5] = '\0';
		}
	}
}

/* First line, without the SQLSTATE that verbose mode put in. */
static char *message_line(const char *message)
{
	const char *end = strchr(message, '\n');
	char *line = str_dup_n(message, end ? (size_t)(end - message) : strlen(message));
	char state[6];

	state_in_message(line, state);
	if (state[0]) {
		char *at = strstr(line, state);

		memmove(at, at + 7, strlen(at + 7) + 1);
	}
	return line;
}

static bool connect_failed(const DatabaseUrl *url, const char *database, const char *state,
	const char *message, Err *err)
{
	const char *host = url->host ? url->host : "localhost";
	const char *user = url->user ? url->user : "(none)";
	AUTO(free_auto) char *line = message_line(message);

	if (str_starts(state, "28")) {
		err_fail(err, ERR_DATABASE, "server %s:%d does not let role '%s' in: %s", host,
			url->port, user, line);
		return err_hint(err, "check the password: psql -h %s -p %d -U %s -d %s", host,
			url->port, user, database);
	}
	if (str_is(state, "3D000")) {
		err_fail(err, ERR_DATABASE, "there is no database '%s' on server %s:%d", database,
			host, url->port);
		return err_hint(err, "see which there are: psql -h %s -p %d -U %s -l", host,
			url->port, user);
	}
	if (str_is(state, "55000")) {
		err_fail(err, ERR_DATABASE, "the door of database '%s' is shut", database);
		return err_hint(err, "belay resume");
	}
	if (str_is(state, "42501")) {
		err_fail(err, ERR_DATABASE, "role '%s' may not connect to database '%s'", user,
			database);
		return err_hint(err, "as a superuser: GRANT CONNECT ON DATABASE \"%s\" TO \"%s\";",
			database, user);
	}
	/* A pooler that knows no such database; a server never says it that way. */
	if (str_is(state, "08P01")) {
		err_fail(err, ERR_DATABASE, "connecting to database '%s' at %s:%d: %s", database,
			host, url->port, line);
		return err_hint(err,
			"if a connection pooler listens there, set admin_url and database_url to the server"
			" itself");
	}
	if (str_starts(state, "53")) {
		err_fail(err, ERR_DATABASE, "server %s:%d has no room for a connection: %s", host,
			url->port, line);
		return err_hint(err, "as a superuser: SELECT pid, usename, application_name FROM "
				     "pg_stat_activity; and SHOW max_connections;");
	}
	if (str_is(state, "57P03")) {
		err_fail(err, ERR_DATABASE, "server %s:%d takes no connections now: %s", host,
			url->port, line);
		return err_hint(err,
			"it starts or stops; try again when this says yes: "
			"pg_isready -h %s -p %d",
			host, url->port);
	}
	if (state[0])
		return err_fail(err, ERR_DATABASE, "connecting to database '%s' at %s:%d: %s",
			database, host, url->port, line);
	err_fail(err, ERR_DATABASE, "no PostgreSQL server answers at %s:%d: %s", host, url->port,
		line);
	return err_hint(err, "see whether it runs: pg_isready -h %s -p %d", host, url->port);
}

/* Waits for the socket or for INT/TERM. A signal that is held back stays readable, so it is only
 * listened for until it was seen. */
static void wait_socket(PGconn *conn, short events, Deadline deadline)
{
	struct pollfd fds[2] = {{.fd = PQsocket(conn), .events = events}};
	nfds_t count = 1;
	int64_t left = deadline_left_ms(deadline);

	if (!signals_seen() && signals_fd() >= 0)
		fds[count++] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	poll(fds, count, (int)(left < TICK_MS ? left : TICK_MS));
}

static PGconn *start(const DatabaseUrl *url, const char *database, const char *options)
{
	AUTO(strlist_clear) StrList keywords = {0};
	AUTO(strlist_clear) StrList values = {0};
	static const char *const ours[][2] = {
		{"application_name", "belay"}, {"client_encoding", "UTF8"}, {NULL, NULL}};

	if (options) {
		strlist_add(&keywords, "options");
		strlist_add(&values, options);
	}
	/* Of a keyword that stands there twice the last counts. */
	database_url_conninfo(url, &keywords, &values);
	for (size_t i = 0; i < keywords.len;) {
		if (str_is(keywords.items[i], "dbname") ||
			str_is(keywords.items[i], "application_name")) {
			strlist_remove(&keywords, i);
			strlist_remove(&values, i);
		} else {
			i++;
		}
	}
	strlist_add(&keywords, "dbname");
	strlist_add(&values, database);
	for (size_t i = 0; ours[i][0]; i++) {
		strlist_add(&keywords, ours[i][0]);
		strlist_add(&values, ours[i][1]);
	}
	/* expand_dbname off: a database may be called "host=x". */
	return PQconnectStartParams(strlist_argv(&keywords), strlist_argv(&values), 0);
}

static bool finish_connecting(PgSession *session, Err *err)
{
	const Deadline deadline = deadline_in(CONNECT_MS);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (PQstatus(session->conn) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
		if (signals_pending())
			return err_fail(
				err, ERR_INTERRUPTED, "interrupted while connecting to PostgreSQL");
		if (deadline_left_ms(deadline) == 0)
			return err_fail(err, ERR_DATABASE,
				"the PostgreSQL server did not answer within %d s",
				CONNECT_MS / 1000);
		if (status == PGRES_POLLING_FAILED)
			break;
		wait_socket(session->conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			deadline);
		struct pollfd now = {.fd = PQsocket(session->conn),
			.events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};
		if (poll(&now, 1, 0) > 0)
			status = PQconnectPoll(session->conn);
	}
	return true;
}

static bool set_up(PgSession *session, Err *err)
{
	return pg_run(session,
		"SET statement_timeout=0; SET lock_timeout=0; SET idle_in_transaction_session_timeout=0;"
		"SET default_transaction_read_only=off; SET default_transaction_isolation='read committed';"
		"SET synchronous_commit=on; SET search_path=pg_catalog; SET row_security=off;"
		"SET standard_conforming_strings=on; SET DateStyle='ISO'; SET IntervalStyle='postgres';"
		"SET extra_float_digits=1; SET bytea_output='hex'; SET TimeZone='UTC';"
		"SET xmlbinary='base64'; SET quote_all_identifiers=off",
		err);
}

static bool connect_bare(const DatabaseUrl *url, const char *database, const char *options,
	PgSession **ret, char ret_state[6], Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NEW(PgSession);

	ret_state[0] = '\0';
	session->limit_ms = PG_LIMIT_MS;
	session->conn = start(url, database, options);
	if (!session->conn)
		return err_fail(err, ERR_INTERNAL, "libpq made no connection");
	PQsetErrorVerbosity(session->conn, PQERRORS_VERBOSE);
	if (!finish_connecting(session, err)) {
		if (err->kind == ERR_DATABASE)
			err_hint(err, "see whether it runs: pg_isready -h %s -p %d",
				url->host ? url->host : "localhost", url->port);
		return false;
	}
	if (PQstatus(session->conn) != CONNECTION_OK) {
		const char *message = PQerrorMessage(session->conn);

		state_in_message(message, ret_state);
		return connect_failed(url, database, ret_state, message, err);
	}
	PQsetErrorVerbosity(session->conn, PQERRORS_DEFAULT);
	PQsetNoticeReceiver(session->conn, on_notice, session);
	*ret = TAKE(session);
	return true;
}

static bool connect_one(
	const DatabaseUrl *url, const char *database, PgSession **ret, char ret_state[6], Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;

	if (!connect_bare(url, database, NULL, &session, ret_state, err) || !set_up(session, err))
		return false;
	*ret = TAKE(session);
	return true;
}

bool pg_connect_as_is(const DatabaseUrl *url, const char *options, PgSession **ret, Err *err)
{
	char state[6];

	return connect_bare(url, url->name, options, ret, state, err);
}

bool pg_connect(const DatabaseUrl *url, const char *const *databases, PgSession **ret, Err *err)
{
	char state[6];

	for (size_t i = 0;; i++) {
		AUTO(err_clear) Err tried = {0};

		if (connect_one(url, databases[i], ret, state, &tried))
			return true;
		if (!databases[i + 1] || !(str_is(state, "3D000") || str_is(state, "42501") ||
						 str_is(state, "55000"))) {
			err_move(err, &tried);
			return false;
		}
	}
}

void pg_disconnect(PgSession *session)
{
	if (!session)
		return;
	PQfinish(session->conn);
	free(session->warning);
	free(session);
}

bool pg_alive(PgSession *session)
{
	struct pollfd now = {.fd = PQsocket(session->conn), .events = POLLIN};

	if (session->broken || PQstatus(session->conn) != CONNECTION_OK)
		return false;
	/* A server that goes down may say so first: its words and then the end of the stream. */
	while (poll(&now, 1, 0) > 0) {
		if (!PQconsumeInput(session->conn))
			return false;
	}
	return PQtransactionStatus(session->conn) == PQTRANS_IDLE;
}

int pg_server_version(const PgSession *session)
{
	return PQserverVersion(session->conn);
}

int pg_pid(const PgSession *session)
{
	return PQbackendPID(session->conn);
}

const char *pg_user(const PgSession *session)
{
	return PQuser(session->conn);
}

const char *pg_database(const PgSession *session)
{
	return PQdb(session->conn);
}

void pg_limit(PgSession *session, int64_t ms)
{
	session->limit_ms = ms;
}

const char *pg_state(const PgSession *session)
{
	return session->state;
}

char *pg_warning(PgSession *session)
{
	return TAKE(session->warning);
}

/* -- asking ----------------------------------------------------------------------------------- */

static bool lost(PgSession *session, Err *err)
{
	AUTO(free_auto) char *line = message_line(PQerrorMessage(session->conn));

	session->broken = true;
	strcpy(session->state, "08006");
	return err_fail(err, ERR_DATABASE, "the connection to PostgreSQL was lost: %s", line);
}

/* Collects results until the statement is through; the first error or the last result stays. */
static bool collect(PgSession *session, Deadline deadline, bool heed_signals, bool *ret_late,
	PGresult **ret, Err *err)
{
	*ret_late = false;
	for (;;) {
		if (!PQconsumeInput(session->conn))
			return lost(session, err);
		while (!PQisBusy(session->conn)) {
			PGresult *next = PQgetResult(session->conn);

			if (!next)
				return true;
			if (*ret && PQresultStatus(*ret) == PGRES_FATAL_ERROR) {
				PQclear(next);
				continue;
			}
			PQclear(*ret);
			*ret = next;
		}
		if ((heed_signals && signals_pending()) || deadline_left_ms(deadline) == 0) {
			*ret_late = true;
			return true;
		}
		wait_socket(session->conn, POLLIN, deadline);
	}
}

/* The statement may have come to its end just before: then its result counts. */
static bool cancel(PgSession *session, PGresult **result, Err *err)
{
	const int why = signals_pending();
	PGcancel *request = PQgetCancel(session->conn);
	char ignored[256];
	bool late;

	PQcancel(request, ignored, sizeof(ignored));
	PQfreeCancel(request);
	if (!collect(session, deadline_in(CANCEL_MS), false, &late, result, err))
		return false;
	if (late)
		session->broken = true;
	else if (*result && PQresultStatus(*result) != PGRES_FATAL_ERROR)
		return true;
	strcpy(session->state, "57014");
	if (why)
		return err_fail(err, ERR_INTERRUPTED, "interrupted during a database statement");
	return err_fail(err, ERR_TIMEOUT, "a database statement took longer than %lld s",
		whole_seconds(session->limit_ms));
}

static bool judge(PgSession *session, const PGresult *result, Err *err)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		return true;
	default:
		break;
	}
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	if (!state || PQstatus(session->conn) == CONNECTION_BAD)
		return lost(session, err);
	strcpy(session->state, state);
	const ErrKind kind = str_starts(state, "53100") ? ERR_NO_SPACE : ERR_DATABASE;

	if (detail)
		return err_fail(
			err, kind, "PostgreSQL: %s (%s): %s", text ? text : "", state, detail);
	return err_fail(err, kind, "PostgreSQL: %s (%s)", text ? text : "", state);
}

struct PgRows {
	PGresult *result;
};

bool pg_query(
	PgSession *session, const char *sql, const char *const *params, PgRows **ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NEW(PgRows);
	int count = 0;
	int sent;
	bool late;

	while (params && params[count])
		count++;
	session->state[0] = '\0';
	if (session->broken)
		return lost(session, err);
	/* Without parameters the simple protocol, which takes several statements at once. */
	if (params)
		sent = PQsendQueryParams(session->conn, sql, count, NULL, params, NULL, NULL, 0);
	else
		sent = PQsendQuery(session->conn, sql);
	if (!sent)
		return lost(session, err);
	if (!collect(session, deadline_in(session->limit_ms), true, &late, &rows->result, err))
		return false;
	if (late && !cancel(session, &rows->result, err))
		return false;
	if (!judge(session, rows->result, err))
		return false;
	*ret = TAKE(rows);
	return true;
}

bool pg_value(PgSession *session, const char *sql, const char *const *params, char **ret, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	if (!pg_query(session, sql, params, &rows, err))
		return false;
	*ret = str_dup(pg_rows(rows) > 0 ? pg_text(rows, 0, 0) : NULL);
	return true;
}

bool pg_run(PgSession *session, const char *sql, Err *err)
{
	AUTO(pg_rows_free_auto) PgRows *rows = NULL;

	return pg_query(session, sql, NULL, &rows, err);
}

bool pg_runf(PgSession *session, Err *err, const char *fmt, ...)
{
	AUTO(text_clear) Text sql = TEXT_INIT(1 << 20);
	va_list args;

	va_start(args, fmt);
	text_addv(&sql, fmt, args);
	va_end(args);
	if (sql.truncated)
		return err_fail(err, ERR_INTERNAL, "a database statement grew too long");
	return pg_run(session, sql.data, err);
}

int pg_rows(const PgRows *rows)
{
	return PQntuples(rows->result);
}

int pg_columns(const PgRows *rows)
{
	return PQnfields(rows->result);
}

const char *pg_text(const PgRows *rows, int row, int column)
{
	if (PQgetisnull(rows->result, row, column))
		return NULL;
	return PQgetvalue(rows->result, row, column);
}

int64_t pg_int(const PgRows *rows, int row, int column)
{
	const char *text = pg_text(rows, row, column);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool pg_bool(const PgRows *rows, int row, int column)
{
	return str_is(pg_text(rows, row, column), "t");
}

void pg_rows_free(PgRows *rows)
{
	if (!rows)
		return;
	PQclear(rows->result);
	free(rows);
}

/* -- words ------------------------------------------------------------------------------------ */

static char *quoted(const char *value, char mark)
{
	char *out = mem_new(2 * strlen(value) + 3, 1);
	char *to = out;

	*to++ = mark;
	for (; *value; value++) {
		if (*value == mark)
			*to++ = mark;
		*to++ = *value;
	}
	*to = mark;
	return out;
}

char *pg_ident(const char *name)
{
	return quoted(name, '"');
}

char *pg_literal(const char *value)
{
	return value ? quoted(value, '\'') : str_dup("NULL");
}

void pg_environment(const DatabaseUrl *url, const char *database, StrList *env)
{
	AUTO(strlist_clear) StrList keywords = {0};
	AUTO(strlist_clear) StrList values = {0};
	PQconninfoOption *known = PQconndefaults();

	database_url_conninfo(url, &keywords, &values);
	for (size_t i = 0; i < keywords.len; i++) {
		for (const PQconninfoOption *option = known; option && option->keyword; option++) {
			if (option->envvar && str_is(option->keyword, keywords.items[i]))
				env_set(env, option->envvar, values.items[i]);
		}
	}
	PQconninfoFree(known);
	env_set(env, "PGDATABASE", database);
	env_set(env, "PGAPPNAME", "belay");
	env_set(env, "PGCONNECT_TIMEOUT", "10");
}
