#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "pg_server.h"

#define RUN   "20261123-134812-upgrade"
#define SPARE "webui_belay_20261123134812"

static Database *open_site(void)
{
	Database *db = NULL;
	Err err = {0};

	assert_done(database_open(&server.site, &db, &err), &err);
	return db;
}

static char *id_of(Database *db, const char *place)
{
	char *id = NULL;
	Err err = {0};

	assert_done(database_id(db, place, &id, &err), &err);
	return id;
}

static void door(Database *db, const char *place, bool open)
{
	AUTO(free_auto) char *id = id_of(db, place);
	Err err = {0};

	assert_done(database_door(db, id, open, &err), &err);
}

static bool is_open(Database *db, const char *place)
{
	AUTO(free_auto) char *id = id_of(db, place);
	bool open = false;
	Err err = {0};

	assert_done(database_door_is_open(db, id, &open, &err), &err);
	return open;
}

static char *digests(Database *db, const char *place)
{
	AUTO(json_release_auto) json_t *all = NULL;
	Err err = {0};

	assert_done(database_digests(db, place, &all, &err), &err);
	return json_line(all);
}

typedef struct Made {
	Database *db;
	json_t *proof;
	char *live_id, *spare_id, *server_id;
} Made;

static Made make_copy(void)
{
	Made made = {.db = open_site()};
	DatabaseAbout about = {0};
	Err err = {0};

	assert_done(database_copy_make(made.db, SPARE, RUN, &made.proof, &err), &err);
	assert_done(database_about(made.db, &about, &err), &err);
	made.server_id = TAKE(about.server_id);
	made.live_id = id_of(made.db, "webui");
	made.spare_id = id_of(made.db, SPARE);
	database_about_clear(&about);
	return made;
}

static DatabaseExchange exchange_of(const Made *made)
{
	return (DatabaseExchange){.spare = SPARE,
		.live_id = made->live_id,
		.spare_id = made->spare_id,
		.server_id = made->server_id,
		.run = RUN,
		.proof = made->proof,
		.carry = true};
}

static void assert_places(const Made *made, bool exchanged)
{
	AUTO(free_auto) char *live = id_of(made->db, "webui");
	AUTO(free_auto) char *spare = id_of(made->db, SPARE);

	assert_string_equal(live, exchanged ? made->spare_id : made->live_id);
	assert_string_equal(spare, exchanged ? made->live_id : made->spare_id);
}

/* Everything back: one database 'webui', door open, no spare. */
static void put_away(Made *made)
{
	AUTO(free_auto) char *spare = id_of(made->db, SPARE);
	Err err = {0};

	if (spare)
		assert_done(database_copy_drop(made->db, SPARE, spare, RUN, &err), &err);
	door(made->db, "webui", true);
	database_close(made->db);
	json_decref(made->proof);
	free(made->live_id);
	free(made->spare_id);
	free(made->server_id);
	*made = (Made){0};
}

/* The copy equals the live one, which is empty of people and shut. */
static void test_copy(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	db = open_site();
	AUTO(free_auto) char *before = digests(db, "webui");
	PgSession *busy = server_session("app", "webui");
	assert_done(pg_run(busy, "BEGIN; DELETE FROM chat", &err), &err);
	Made made = make_copy();

	assert_false(pg_run(busy, "COMMIT", &err));
	err_clear(&err);
	pg_disconnect(busy);
	assert_false(is_open(db, "webui"));
	assert_true(is_open(db, SPARE));
	AUTO(free_auto) char *after = digests(db, SPARE);
	assert_string_equal(before, after);
	assert_sql("app", "postgres",
		"SELECT pg_get_userbyid(datdba) || ' ' || shobj_description(oid, 'pg_database')"
		" FROM pg_database WHERE datname = '" SPARE "'",
		"app belay:" RUN);

	AUTO(strlist_clear) StrList revision = {0};
	assert_done(database_revision(db, SPARE, &revision, &err), &err);
	assert_int_equal(revision.len, 1);
	assert_string_equal(revision.items[0], "242a2047eae0");
	assert_error(database_revision(db, "webui", &revision, &err), &err, ERR_DATABASE);
	err_clear(&err);
	put_away(&made);
}

/* Repeating starts over; what is not ours stays. */
static void test_copy_again(void **state)
{
	json_t *proof = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Made made = make_copy();
	server_sql("app", SPARE, "DROP TABLE chat");
	json_decref(made.proof);
	free(made.live_id);
	free(made.spare_id);
	free(made.server_id);
	database_close(made.db);
	made = make_copy();
	assert_sql("app", SPARE, "SELECT count(*) FROM chat", "500");

	server_sql("app", "postgres", "COMMENT ON DATABASE " SPARE " IS 'mine'");
	assert_error(database_copy_make(made.db, SPARE, RUN, &proof, &err), &err, ERR_FOREIGN);
	assert_part(err.hint, "DROP DATABASE");
	err_clear(&err);
	assert_error(database_copy_drop(made.db, SPARE, "1", RUN, &err), &err, ERR_FOREIGN);
	err_clear(&err);
	assert_error(
		database_copy_drop(made.db, "webui", made.live_id, RUN, &err), &err, ERR_INTERNAL);
	err_clear(&err);
	put_away(&made);
}

/* The names change places, the ids tell; both doors are shut; a rollback is the same again. */
static void test_exchange(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Made made = make_copy();
	DatabaseExchange exchange = exchange_of(&made);

	server_sql("app", SPARE, "ALTER TABLE chat ADD COLUMN new int");
	PgSession *left = server_session("app", SPARE);
	assert_done(database_exchange(made.db, &exchange, &err), &err);
	pg_disconnect(left);
	assert_places(&made, true);
	assert_false(is_open(made.db, "webui"));
	assert_false(is_open(made.db, SPARE));
	assert_error(database_exchange(made.db, &exchange, &err), &err, ERR_FOREIGN);
	err_clear(&err);

	door(made.db, "webui", true);
	assert_sql("app", "webui", "SELECT count(new) + count(*) FROM chat", "500");
	assert_sql("app", "postgres",
		"SELECT string_agg(coalesce(shobj_description(oid, 'pg_database'), '-'), ' ' ORDER BY datname)"
		" FROM pg_database WHERE datname ~ '^webui'",
		"- belay:" RUN ":kept");
	json_t *proof = NULL;
	assert_error(database_copy_make(made.db, SPARE, RUN, &proof, &err), &err, ERR_FOREIGN);
	err_clear(&err);

	exchange.proof = NULL;
	exchange.live_id = made.spare_id;
	exchange.spare_id = made.live_id;
	assert_done(database_exchange(made.db, &exchange, &err), &err);
	assert_places(&made, false);
	door(made.db, "webui", true);
	assert_sql("app", "webui",
		"SELECT count(*) FROM information_schema.columns WHERE column_name = 'new'", "0");
	put_away(&made);
}

typedef struct Write {
	const char *sql;
	const char *told; /* NULL: no alarm */
} Write;

/* What changes a row, a sequence or a table is found; what changes nothing raises no alarm. */
static void test_proof(void **state)
{
	static const Write writes[] = {
		{"SELECT count(*) FROM chat", NULL},
		{"BEGIN; UPDATE chat SET n = 1; ROLLBACK", NULL},
		{"BEGIN; SELECT * FROM chat FOR UPDATE; COMMIT", NULL},
		{"VACUUM FREEZE ANALYZE", NULL},
		{"INSERT INTO chat (id) VALUES ('new')",
			"table 'chat': 1 newer, 501 now, 500 then"},
		{"UPDATE chat SET n = n WHERE id = 'c7'", "table 'chat': 1 newer, 500 now"},
		{"BEGIN; SAVEPOINT a; UPDATE chat SET n = 2 WHERE id = 'c8'; COMMIT", "1 newer"},
		{"DELETE FROM chat WHERE id = 'c9'", "table 'chat': 0 newer, 499 now"},
		{"SELECT nextval('user_id_seq')", "sequences"},
		{"CREATE TABLE more (x int)", "tables, columns"},
		{"ALTER TABLE chat ADD COLUMN more int", "tables, columns"},
		{"SELECT lo_create(0)", "large objects"},
		{"TRUNCATE chat", "table 'chat': 0 newer, 0 now, 500 then"},
	};

	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE saved TEMPLATE webui");
	for (size_t i = 0; i < COUNT_OF(writes); i++) {
		Made made = make_copy();
		const DatabaseExchange exchange = exchange_of(&made);
		AUTO(err_clear) Err err = {0};
		AUTO(strlist_clear) StrList parts = {0};
		PgSession *writer;

		door(made.db, "webui", true);
		writer = server_session("app", "webui");
		strlist_split(&parts, writes[i].sql, ";");
		for (size_t part = 0; part < parts.len; part++)
			assert_done(pg_run(writer, parts.items[part], &err), &err);
		pg_disconnect(writer);
		if (writes[i].told) {
			assert_error(
				database_exchange(made.db, &exchange, &err), &err, ERR_FOREIGN);
			assert_part(err.text, writes[i].told);
		} else {
			assert_done(database_exchange(made.db, &exchange, &err), &err);
		}
		assert_places(&made, !writes[i].told);
		put_away(&made);
		server_sql("app", "postgres", "DROP DATABASE webui");
		server_sql("app", "postgres", "CREATE DATABASE webui TEMPLATE saved");
	}
	server_sql("app", "postgres", "DROP DATABASE saved");
}

/* A transaction that was prepared before and committed after the copy. It blocks TEMPLATE, so it is
 * prepared in the snapshot's shadow here: the lock must find it. */
static void test_prepared_transaction(void **state)
{
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Made made = make_copy();
	const DatabaseExchange exchange = exchange_of(&made);

	door(made.db, "webui", true);
	PgSession *writer = server_session("app", "webui");
	assert_done(pg_run(writer, "BEGIN", &err), &err);
	assert_done(pg_run(writer, "INSERT INTO chat (id) VALUES ('two')", &err), &err);
	assert_done(pg_run(writer, "PREPARE TRANSACTION 'p'", &err), &err);
	assert_error(database_exchange(made.db, &exchange, &err), &err, ERR_DATABASE);
	assert_part(err.text, "locking the tables");
	err_clear(&err);
	assert_places(&made, false);
	pg_disconnect(writer);
	door(made.db, "webui", true);
	server_sql("app", "webui", "ROLLBACK PREPARED 'p'");
	put_away(&made);
}

/* Ids or a server that are not the expected ones: nothing is touched, not even a door. */
static void test_foreign(void **state)
{
	(void)state;
	NEED_SERVER();
	Made made = make_copy();

	door(made.db, "webui", true);
	for (int i = 0; i < 3; i++) {
		DatabaseExchange exchange = exchange_of(&made);
		AUTO(err_clear) Err err = {0};

		if (i == 0)
			exchange.live_id = "1";
		if (i == 1)
			exchange.spare_id = "1";
		if (i == 2)
			exchange.server_id = "1";
		assert_error(database_exchange(made.db, &exchange, &err), &err, ERR_FOREIGN);
		assert_true(is_open(made.db, "webui"));
		assert_places(&made, false);
	}
	put_away(&made);
}

/* Grants, settings, limit and comment belong to the site, not to one of the two databases. */
static void test_properties(void **state)
{
	static const char query[] =
		"SELECT concat_ws('|', (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(datacl) x),"
		" datconnlimit, shobj_description(oid, 'pg_database'),"
		" (SELECT string_agg(setrole::regrole || ':' || array_to_string(setconfig, ';'), '/'"
		"   ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = oid))"
		" FROM pg_database WHERE datname = 'webui'";
	Err err = {0};

	(void)state;
	NEED_SERVER();
	server_sql("app", "postgres",
		"REVOKE ALL ON DATABASE webui FROM PUBLIC; GRANT CONNECT ON DATABASE webui TO plain"
		" WITH GRANT OPTION; ALTER DATABASE webui CONNECTION LIMIT 17;"
		"COMMENT ON DATABASE webui IS 'the site''s';"
		"ALTER DATABASE webui SET search_path = \"$user\", \"odd, one\", public;"
		"ALTER DATABASE webui SET work_mem = '7MB';"
		"ALTER DATABASE webui SET application_name = 'it''s; \"x\"';"
		"ALTER ROLE app IN DATABASE webui SET search_path = ''");
	AUTO(free_auto) char *before = server_ask("app", "postgres", query);
	assert_part(before, "work_mem=7MB");
	Made made = make_copy();
	const DatabaseExchange exchange = exchange_of(&made);

	assert_done(database_exchange(made.db, &exchange, &err), &err);
	assert_places(&made, true);
	AUTO(free_auto) char *after = server_ask("app", "postgres", query);
	assert_string_equal(before, after);
	put_away(&made);
	server_sql("app", "postgres",
		"ALTER ROLE app IN DATABASE webui RESET ALL; ALTER DATABASE webui RESET ALL;"
		"COMMENT ON DATABASE webui IS NULL; GRANT CONNECT, TEMP ON DATABASE webui TO PUBLIC;"
		"ALTER DATABASE webui CONNECTION LIMIT -1; REVOKE ALL ON DATABASE webui FROM plain");
}

/* Killed right before COMMIT: all is as before, and the exchange can be repeated. */
static void test_killed_before_commit(void **state)
{
	int status = 0;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	Made made = make_copy();
	const DatabaseExchange exchange = exchange_of(&made);
	const pid_t child = fork();

	if (child == 0) {
		setenv("BELAY_FAULT", "kill@pg-exchange-commit", 1);
		Database *own = open_site();

		_exit(database_exchange(own, &exchange, &err) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
#ifdef BELAY_TEST
	assert_true(WIFSIGNALED(status));
	assert_places(&made, false);
	assert_done(database_exchange(made.db, &exchange, &err), &err);
#endif
	assert_places(&made, true);
	put_away(&made);
}

/* -- an answer that gets lost ------------------------------------------------------------------ */

/* Passes bytes on between two sockets until a COMMIT comes by; then it leaves, either at once or
 * when the server has done it. */
static void pass_until_commit(int client, int upstream, bool deliver)
{
	char bytes[8192];
	struct pollfd fds[2] = {
		{.fd = client, .events = POLLIN}, {.fd = upstream, .events = POLLIN}};

	while (poll(fds, 2, 10000) > 0) {
		const int from = fds[0].revents ? 0 : 1;
		const ssize_t got = read(fds[from].fd, bytes, sizeof(bytes));
		const bool commit = from == 0 && got > 0 && memmem(bytes, (size_t)got, "COMMIT", 7);

		if (got <= 0 || (commit && !deliver))
			return;
		if (write(fds[!from].fd, bytes, (size_t)got) != got)
			return;
		if (commit) {
			poll(&fds[1], 1, 5000);
			return;
		}
	}
}

static int socket_at(int port, bool listening)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int yes = 1;
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *at = (const struct sockaddr *)&address;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (listening ? bind(fd, at, sizeof(address)) == 0 && listen(fd, 8) == 0
		      : connect(fd, at, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static pid_t start_relay(int fd, bool deliver)
{
	const pid_t relay = fork();

	if (relay != 0)
		return relay;
	signal(SIGCHLD, SIG_IGN);
	for (int client; (client = accept(fd, NULL, NULL)) >= 0; close(client)) {
		if (fork() == 0) {
			pass_until_commit(client, socket_at(server.port, false), deliver);
			_exit(0);
		}
	}
	_exit(1);
}

/* The connection breaks at COMMIT: whether it took place is asked, not guessed. */
static void test_lost_answer(void **state)
{
	(void)state;
	NEED_SERVER();
	for (int deliver = 0; deliver < 2; deliver++) {
		Made made = make_copy();
		const DatabaseExchange exchange = exchange_of(&made);
		Site site = server.site;
		AUTO(database_close_auto) Database *far = NULL;
		AUTO(err_clear) Err err = {0};
		int fd = -1;

		for (site.database.port = 18300; fd < 0 && site.database.port < 18350;)
			fd = socket_at(++site.database.port, true);
		assert_true(fd >= 0);
		const pid_t relay = start_relay(fd, deliver);

		close(fd);
		assert_done(database_open(&site, &far, &err), &err);
		if (deliver) {
			assert_done(database_exchange(far, &exchange, &err), &err);
		} else {
			assert_error(database_exchange(far, &exchange, &err), &err, ERR_DATABASE);
			assert_part(err.text, "connection to PostgreSQL was lost");
		}
		assert_places(&made, deliver);
		kill(relay, SIGKILL);
		waitpid(relay, NULL, 0);
		put_away(&made);
	}
}

/* What was written after a mark, and what was there before is not told. */
static void test_written_since(void **state)
{
	AUTO(database_close_auto) Database *db = NULL;
	AUTO(json_release_auto) json_t *marks = NULL;
	AUTO(json_release_auto) json_t *none = NULL;
	AUTO(json_release_auto) json_t *some = NULL;
	Err err = {0};

	(void)state;
	NEED_SERVER();
	db = open_site();
	door(db, "webui", false);
	assert_done(database_mark(db, "webui", &marks, &err), &err);
	assert_false(is_open(db, "webui"));
	assert_done(database_written_since(db, "webui", marks, &none, &err), &err);
	assert_int_equal(json_object_size(none), 0);

	door(db, "webui", true);
	server_sql("app", "webui",
		"INSERT INTO \"user\" (email) VALUES ('x'), ('y'); DELETE FROM \"user\" WHERE id = 1;"
		"CREATE TABLE later AS SELECT 1 AS x; DROP TABLE empty; UPDATE chat SET n = 0 WHERE id = 'c1'");
	door(db, "webui", false);
	assert_done(database_written_since(db, "webui", marks, &some, &err), &err);
	AUTO(free_auto) char *line = json_line(some);
	assert_part(line, "\"chat\":");
	assert_int_equal(json_int(json_object_get(some, "user"), "newer", -1), 2);
	assert_int_equal(json_int(json_object_get(some, "user"), "rows", -1), 21);
	assert_int_equal(json_int(json_object_get(some, "user"), "was", -1), 20);
	assert_int_equal(json_int(json_object_get(some, "later"), "newer", -1), 1);
	assert_null(json_object_get(some, "alembic_version"));
	door(db, "webui", true);

	/* Another database than the one that was marked cannot be judged. */
	json_object_set_new(marks, "id", json_string("1"));
	json_t *unset = NULL;
	assert_error(database_written_since(db, "webui", marks, &unset, &err), &err, ERR_FOREIGN);
	err_clear(&err);
	server_sql("app", "webui", "CREATE TABLE empty ()");
}

static void test_spare_names(void **state)
{
	Site site = {.database = {.kind = DATABASE_POSTGRES,
			     .host = (char *)"h",
			     .port = 5432,
			     .user = (char *)"u",
			     .password = (char *)"p@ss"}};
	AUTO(database_close_auto) Database *db = NULL;
	Err err = {0};

	(void)state;
	site.database.name =
		(char *)"database_with_a_name_that_is_as_long_as_PostgreSQL_lets_names_b";
	assert_done(database_open(&site, &db, &err), &err);
	AUTO(free_auto) char *name = database_spare_name(db, RUN);
	assert_int_equal(strlen(name), 63);
	assert_true(str_ends(name, "_belay_20261123134812"));
	AUTO(free_auto) char *url = database_url_of(db, "webui_belay_1");
	assert_part(url, "/webui_belay_1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_again),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_prepared_transaction),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_killed_before_commit),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_written_since),
		cmocka_unit_test(test_spare_names),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
