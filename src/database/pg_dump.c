#include "database/pg.h"
#include "database/pg_elsewhere.h"
#include "database/pg_freeze.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/proc.h"
#include "os/signals.h"

enum { CHUNK = 1 << 18, PIPE_BYTES = 1 << 20, STALL_MS = 600000, TICK_MS = 1000 };
static const int64_t CHILD_MS = (int64_t)7 * 24 * 3600 * 1000; /* STALL_MS is the real limit */

/* Ready before STALL_MS has passed, or an error. */
static bool wait_pipe(int pipe, short events, Err *err)
{
	const Deadline deadline = deadline_in(STALL_MS);

	while (deadline_left_ms(deadline) > 0) {
		struct pollfd fds[2] = {{.fd = pipe, .events = events}};
		nfds_t count = 1;

		if (signals_pending())
			return err_fail(
				err, ERR_INTERRUPTED, "interrupted while data was streaming");
		if (!signals_seen() && signals_fd() >= 0)
			fds[count++] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
		if (poll(fds, count, TICK_MS) > 0 && fds[0].revents)
			return true;
	}
	return err_fail(err, ERR_TIMEOUT, "no data moved for %lld s", whole_seconds(STALL_MS));
}

/* The child's own failure says more than the broken pipe or short stream that follows from it; but
 * an interruption or a full disk on our side is the cause and not the consequence. */
static bool finish(ProcRunning *running, bool pumped, Err *here, Err *err)
{
	AUTO(proc_result_clear) ProcResult result = {0};
	AUTO(err_clear) Err child = {0};
	const bool ended_well = proc_finish(running, &result, &child);

	if (pumped && ended_well)
		return true;
	err_move(err, !pumped && here->kind != ERR_IO ? here : !ended_well ? &child : here);
	return false;
}

/* -- dump ------------------------------------------------------------------------------------- */

static bool pump_out(int pipe, DumpSink sink, void *arg, Err *err)
{
	AUTO(free_auto) char *chunk = mem_new(CHUNK, 1);

	while (true) {
		ssize_t got;

		if (!wait_pipe(pipe, POLLIN, err))
			return false;
		got = read(pipe, chunk, CHUNK);
		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return err_fail_sys(err, "reading the dump");
		if (got > 0 && !sink(arg, chunk, (size_t)got, err))
			return false;
	}
}

static bool run_dump(PgProgram *program, const char *snapshot, DumpSink sink, void *arg, Err *err)
{
	AUTO(err_clear) Err here = {0};
	ProcRunning *running = NULL;
	int pipe = -1;
	bool pumped;

	strlist_add(&program->argv, "--format=custom");
	strlist_add(&program->argv, "--compress=0");
	strlist_add(&program->argv, "--lock-wait-timeout=60s");
	/* As in a copy: what they would be restored into could not be dropped. */
	strlist_add(&program->argv, "--no-subscriptions");
	strlist_addf(&program->argv, "--snapshot=%s", snapshot);
	const ProcSpec spec = {.argv = strlist_argv(&program->argv),
		.env = strlist_argv(&program->env),
		.timeout_ms = CHILD_MS,
		.low_priority = true};

	if (!proc_start(&spec, &running, &pipe, err))
		return false;
	/* pg_dump goes on while a chunk is compressed; where the limit for users is lower it waits.
	 */
	(void)fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES);
	pumped = pump_out(pipe, sink, arg, &here);
	return finish(running, pumped, &here, err);
}

/* The digests are computed in the session that exported the snapshot, while pg_dump reads the same
 * rows: the second reader finds them in the server's cache. */
typedef struct Figures {
	PgSession *session;
	PgTables tables;
	atomic_bool stop;
	bool done;
	json_t *digests;
	Err err;
} Figures;

static void figures_clear(Figures *figures)
{
	pg_disconnect(figures->session);
	pg_tables_clear(&figures->tables);
	json_decref(figures->digests);
	err_clear(&figures->err);
}

static void *compute(void *arg)
{
	Figures *figures = arg;

	figures->done = pg_digest_all(figures->session, &figures->tables, &figures->stop,
		&figures->digests, &figures->err);
	return NULL;
}

static bool dump_and_compute(PgProgram *program, const char *snapshot, Figures *figures,
	DumpSink sink, void *arg, Err *err)
{
	pthread_t thread;
	const bool parallel = pthread_create(&thread, NULL, compute, figures) == 0;
	const bool dumped = run_dump(program, snapshot, sink, arg, err);

	figures->stop = !dumped;
	if (parallel)
		pthread_join(thread, NULL);
	else if (dumped)
		compute(figures);
	if (dumped && !figures->done)
		err_move(err, &figures->err);
	return dumped && figures->done;
}

static bool begin_snapshot(Database *db, Figures *figures, char **ret, Err *err)
{
	if (!pg_open_all(db, db->live, &figures->session, err))
		return false;
	pg_limit(figures->session, PG_LIMIT_LONG_MS);
	return pg_run(figures->session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) &&
	       pg_value(figures->session, "SELECT pg_export_snapshot()", NULL, ret, err) &&
	       pg_tables(figures->session, &figures->tables, err);
}

/* The session that exports the snapshot stays until pg_dump is through: so dump and figures agree
 * to the row. */
bool pg_dump(Database *db, DumpSink sink, void *arg, DumpFigures *ret, char **ret_how, Err *err)
{
	AUTO(figures_clear) Figures figures = {0};
	AUTO(dump_figures_clear) DumpFigures all = {0};
	AUTO(free_auto) char *snapshot = NULL;
	AUTO(pg_program_clear) PgProgram program = {0};

	if (!begin_snapshot(db, &figures, &snapshot, err) ||
		!pg_program(db, "pg_dump", pg_server_version(figures.session), pg_admin_url(db),
			db->live, &program, err) ||
		!pg_shape_in(figures.session, &all.shape, err) ||
		!dump_and_compute(&program, snapshot, &figures, sink, arg, err) ||
		!pg_sequences(figures.session, &all.sequences_after, err))
		return err_wrap(err, "dumping database '%s'", db->live);
	all.tables = TAKE(figures.digests);
	*ret = all;
	all = (DumpFigures){0};
	*ret_how = TAKE(program.how);
	return true;
}

/* -- restore ---------------------------------------------------------------------------------- */

static bool write_all(int pipe, const char *bytes, size_t len, Err *err)
{
	while (len > 0) {
		ssize_t put;

		if (!wait_pipe(pipe, POLLOUT, err))
			return false;
		/* A pipe that is ready takes at least PIPE_BUF without blocking, not more. */
		put = write(pipe, bytes, len < 4096 ? len : 4096);
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return err_fail_sys(err, "handing over the dump");
		if (put > 0) {
			bytes += put;
			len -= (size_t)put;
		}
	}
	return true;
}

static bool pump_in(int pipe, DumpSource source, void *arg, Err *err)
{
	AUTO(free_auto) char *chunk = mem_new(CHUNK, 1);

	while (true) {
		size_t got = 0;

		if (!source(arg, chunk, CHUNK, &got, err))
			return false;
		if (got == 0)
			return true;
		if (!write_all(pipe, chunk, got, err))
			return false;
	}
}

static bool run_restore(const Database *db, PgProgram *program, bool superuser, DumpSource source,
	void *arg, Err *err)
{
	AUTO(err_clear) Err here = {0};
	ProcRunning *running = NULL;
	int pipe = -1;
	bool pumped;

	strlist_add(&program->argv, "--exit-on-error");
	strlist_add(&program->argv, "--no-subscriptions"); /* sets of older belays have them */
	pg_restore_as(db, superuser, &program->argv);
	const ProcSpec spec = {.argv = strlist_argv(&program->argv),
		.env = strlist_argv(&program->env),
		.output_fd = -1,
		.timeout_ms = CHILD_MS};

	if (!FAULT(err, "pg-restore") || !proc_start(&spec, &running, &pipe, err))
		return false;
	pumped = pump_in(pipe, source, arg, &here);
	return finish(running, pumped, &here, err);
}

bool pg_analyze(Database *db, const char *place, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *session = NULL;
	const char *const databases[] = {place, NULL};

	if (!pg_connect(pg_admin_url(db), databases, &session, err))
		return false;
	pg_limit(session, PG_LIMIT_LONG_MS);
	return pg_run(session, "ANALYZE", err);
}

bool pg_is_superuser(PgSession *session, bool *ret, Err *err)
{
	AUTO(free_auto) char *answer = NULL;

	if (!pg_value(session, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user", NULL,
		    &answer, err))
		return false;
	*ret = str_is(answer, "t");
	return true;
}

/* The dump does not say whose extensions are, and the database that serves does. A set may be older
 * than an extension, or younger: then the dump's own statement makes it. */
static bool expect_extensions(Database *db, const char *spare, bool *ret_expected, Err *err)
{
	AUTO(pg_disconnect_auto) PgSession *live = NULL;
	AUTO(free_auto) char *id = NULL;

	*ret_expected = false;
	if (db->like || !database_id(db, db->live, &id, err))
		return db->like != NULL;
	return !id || (pg_enter(db, id, false, &live, err) &&
			      pg_extensions_expect(db, live, spare, ret_expected, err));
}

bool pg_restore(
	Database *db, const char *spare, const char *run, DumpSource source, void *arg, Err *err)
{
	AUTO(pg_program_clear) PgProgram program = {0};
	PgSession *admin;
	bool superuser, expected;

	if (!pg_admin(db, &admin, err) || !pg_is_superuser(admin, &superuser, err) ||
		!pg_program(db, "pg_restore", pg_server_version(admin), pg_admin_url(db), spare,
			&program, err) ||
		!pg_clear_spare(db, spare, run, err) ||
		!pg_create_spare(db, spare, run, false, err) ||
		!expect_extensions(db, spare, &expected, err) ||
		!run_restore(db, &program, superuser, source, arg, err) ||
		(expected && !pg_extensions_made(db, spare, err)) || !pg_analyze(db, spare, err))
		return err_wrap(err, "restoring into database '%s'", spare);
	return true;
}
