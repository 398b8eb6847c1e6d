/* The server dies at once, in the middle of things. */
#include "base/clock.h"
#include "base/fault.h"
#include "pg_freeze_case.h"
#include "database/freeze.h"

typedef enum { AFTER_FREEZE, DURING_COPY, BEFORE_COMMIT, AFTER_COMMIT } Moment;

static void kill_server(void)
{
	AUTO(free_auto) char *path = path_join(server.dir, "data/postmaster.pid");
	AUTO(free_auto) char *text = NULL;
	Err err = {0};
	pid_t pid;

	assert_done(file_read(path, 4096, &text, NULL, &err), &err);
	pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	/* Its children notice by themselves and leave. */
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void start_again(void)
{
	const Deadline deadline = deadline_in(20000);
	Err err = {0};

	/* The children of the dead one keep its shared memory for a moment. */
	for (server.running = false; !server.running && deadline_left_ms(deadline) > 0;) {
		err_clear(&err);
		server.running = server_try_port(server.port, &err);
	}
	assert_done(server.running, &err);
}

/* A child does the work, so that the server can die in the middle of it. */
static pid_t work(const Case *made, Moment moment)
{
	const pid_t child = fork();
	Case own = {.live_id = made->live_id};
	Err err = {0};

	if (child != 0)
		return child;
#ifdef BELAY_TEST
	fault_restart();
#endif
	if (!database_open(&server.site, &own.db, &err))
		_exit(1);
	if (moment == DURING_COPY) {
		setenv("BELAY_FAULT", "kill@pg-comment", 1);
		if (!database_copy_frozen(own.db, SPARE, RUN, 60000, &own.proof, &own.gap_ms, &err))
			_exit(1);
		_exit(0);
	}
	if (moment == BEFORE_COMMIT)
		setenv("BELAY_FAULT", "kill@pg-exchange-commit", 1);
	const DatabaseExchange exchange = exchange_of(made);

	_exit(database_exchange(own.db, &exchange, &err) ? 0 : 1);
}

static void assert_serves(Case *made, const char *id)
{
	Err err = {0};

	assert_live(made, id);
	thaw(made, id);
	assert_done(database_door(made->db, id, true, &err), &err);
	PgSession *writer = client("app");
	assert_string_equal(try(writer, WRITE), "");
	pg_disconnect(writer);
	assert_sql("app", "webui", "SELECT count(*) FROM chat", "500");
}

/* Afterwards the ids tell where everything is, and thaw and door give a database that serves. */
static void test_killed_server(void **state)
{
	(void)state;
	NEED_SERVER();
#ifndef BELAY_TEST
	skip();
#endif
	for (Moment moment = AFTER_FREEZE; moment <= AFTER_COMMIT; moment++) {
		Case made = open_case();
		int status = 0;

		freeze(&made);
		if (moment >= BEFORE_COMMIT)
			copy(&made, moment == AFTER_COMMIT ? 60000 : 0);
		if (moment >= DURING_COPY) {
			const pid_t child = work(&made, moment);

			assert_int_equal(waitpid(child, &status, 0), child);
			assert_int_equal(WIFSIGNALED(status), moment != AFTER_COMMIT);
		}
		kill_server();
		start_again();
		assert_true(is_frozen(&made, made.live_id));
		assert_serves(&made, moment == AFTER_COMMIT ? made.spare_id : made.live_id);
		put_away(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_server),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
