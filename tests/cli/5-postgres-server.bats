#!/usr/bin/env bats
# The database server dies at once while the databases change places: afterwards the ids tell which of
# the two serves, and it is old on old or new on new.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	pg_installed || skip "no PostgreSQL server is installed"
	# A server of the test's own: it is killed.
	server_dir=$(mktemp -d "${TMPDIR:-/tmp}/belay-pg.XXXXXX")
	chmod 755 "$server_dir"
	postgres_start "$server_dir/server"
	SITE_PG=openwebui
	standin_site alpha "DATABASE_URL=$(postgres_url)"
	site_signature >"$SITE/before"
}

teardown() {
	[ -z "${stopped:-}" ] || kill -KILL "$stopped" 2>/dev/null || true
	[ -z "${SITE:-}" ] || site_remove
	[ -z "${PG_DIR:-}" ] || postgres_stop
	[ -z "${server_dir:-}" ] || rm -rf "$server_dir"
}

upgrade_until() {
	belay_until "$1" upgrade 0.8.0 --skip-rehearsal --yes
}

# With all its processes, by their numbers; then up again, as an operator or systemd would.
postgres_crash() {
	postmaster=$(head -n 1 "$PG_DIR/data/postmaster.pid")
	kill -KILL "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children")
	for _ in $(seq 100); do
		process_lives "$postmaster" || break
		sleep 0.1
	done
}
postgres_again() {
	for _ in $(seq 50); do
		as_postgres "$(pg_bin)/pg_ctl" -D "$PG_DIR/data" -w -l "$PG_DIR/log" \
			-o "-p $PG_PORT -h 127.0.0.1 -k $PG_DIR -c fsync=off" start \
			</dev/null >"$PG_DIR.init" 2>&1 3>&- && return 0
		# A child of the dead one may still hold its shared memory.
		sleep 0.2
	done
	complain "the server does not come back" "$(cat "$PG_DIR.init")" "$(tail -n 5 "$PG_DIR/log")"
}

goes_on() {
	kill -CONT "$stopped"
	status=0
	wait "$stopped" || status=$?
	stopped=
}

old_on_old() {
	[ "$(site_version)/$(site_revision)" = 0.7.2/c440947495f3 ] || complain "not old on old: $(site_version)/$(site_revision)"
	site_reads_back
	expect 0 belay status --check
	expect_signature "$SITE/before"
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 1 ]
}
new_on_new() {
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ] || complain "not new on new: $(site_version)/$(site_revision)"
	site_reads_back
	expect 0 belay status --check
}
can_save() {
	api_json POST /api/v1/chats/new "$(chat_text 77)" | field id >/dev/null || complain "users cannot save"
}

@test "the server dies between the statements of the swap, and comes back: exit 4, old on old" {
	for point in pg-exchange-statement:1 pg-exchange-statement:2 pg-exchange-commit; do
		upgrade_until "$point"
		postgres_crash
		postgres_again
		goes_on
		[ "$status" = 4 ] || complain "$point: exit status $status" "$(cat "$SITE/err")"
		old_on_old
		site_signature >"$SITE/before"
	done
	can_save
}

@test "the server dies right after the swap: the new version serves" {
	upgrade_until pg-exchange-committed
	postgres_crash
	postgres_again
	goes_on
	[ "$status" = 0 ] || complain "exit status $status" "$(cat "$SITE/err")"
	new_on_new
	can_save
}

@test "both die, before and after the swap: resume tells by the ids" {
	for point in pg-exchange-statement:3 pg-exchange-committed; do
		upgrade_until "$point"
		kill -KILL "$stopped"
		wait "$stopped" || true
		stopped=
		postgres_crash
		belay resume --yes
		[ "$status" != 0 ] || complain "resumed without a server"
		postgres_again
		expect 0 belay resume --undo --yes
		old_on_old
	done
	upgrade_until pg-exchange-committed
	kill -KILL "$stopped"
	wait "$stopped" || true
	stopped=
	postgres_crash
	postgres_again
	expect 0 belay resume --finish --yes
	new_on_new
	can_save
}

@test "belay was killed while the server dropped a database, and the server goes on: the next one finds it gone" {
	expect 0 belay upgrade 0.8.0 --skip-rehearsal --yes
	run=$(basename "$SITE"/state/alpha/runs/*-upgrade)
	spare=$(psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}\_%'")
	belay_until pg-drop prune --way-back "$run" --yes
	psql -d postgres -qXc "DROP DATABASE \"$spare\""
	goes_on
	[ "$status" = 0 ] || complain "exit status $status" "$(cat "$SITE/err")"
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 1 ]
	new_on_new
}

@test "the server dies while it copies: the door is open again" {
	site_signature >"$SITE/before"
	# The first is the one that the backup is proven in.
	upgrade_until pg-comment:2
	postgres_crash
	postgres_again
	goes_on
	[ "$status" = 4 ] || complain "exit status $status" "$(cat "$SITE/err")"
	old_on_old
	can_save
}

@test "killed while everyone is out for the copy: resume opens the door again" {
	site_set read_on no
	# Shut, and the copy made but not yet marked.
	upgrade_until pg-comment:2
	[ "$(PGUSER=postgres psql -d postgres -AtXqc "SELECT datallowconn FROM pg_database WHERE datname = '$SITE_PG'")" = f ]
	kill -KILL "$stopped"
	wait "$stopped" || true
	stopped=
	expect 0 belay resume --undo --yes
	old_on_old
	can_save
}

# The server, as soon as there is one more folder of a database.
crash_in_create_database() {
	psql -d postgres -qX -c "CREATE DATABASE big"
	psql -d big -qX -c "CREATE TABLE t (x text)" -c "ALTER TABLE t ALTER x SET STORAGE EXTERNAL" \
		-c "INSERT INTO t SELECT repeat(md5(n::text), 200) FROM generate_series(1, 10000) n"
	postmaster=$(head -n 1 "$PG_DIR/data/postmaster.pid")
	"$PYTHON" - "$PG_DIR/data/base" "$postmaster" <<-'END' || return 1
	import os, signal, subprocess, sys, time
	base, postmaster = sys.argv[1], int(sys.argv[2])
	there = set(os.listdir(base))
	children = lambda: open(f"/proc/{postmaster}/task/{postmaster}/children").read().split()
	limit = time.monotonic() + 60
	psql = subprocess.Popen(["psql", "-d", "postgres", "-qX", "-c", "CREATE DATABASE copy TEMPLATE big"],
	                        stderr=subprocess.DEVNULL)
	while not set(os.listdir(base)) - there:
	    if time.monotonic() > limit:
	        sys.exit("no database was made")
	for pid in [postmaster] + [int(pid) for pid in children()]:
	    try:
	        os.kill(pid, signal.SIGKILL)
	    except ProcessLookupError:
	        pass
	psql.wait()
	END
	postgres_again
	dropdb big
}

@test "the server dies while it makes a database: the folder it leaves is told, and left alone" {
	crash_in_create_database
	left=$(psql -d postgres -AtXqc "SELECT string_agg(oid::text, '|') FROM pg_database" |
		{ read -r known && ls "$PG_DIR/data/base" | grep -vxE "$known|pgsql_tmp"; })
	[ -n "$left" ] || complain "the server left nothing"
	belay check
	expect_text out "folder '$PG_DIR/data/base/$left' of the database server \\([0-9.]+ [KM]?B\\) belongs to no database"
	expect 0 belay resume --yes
	cat "$SITE/out" "$SITE/err" | grep -q "rm -r '$PG_DIR/data/base/$left'" || complain "resume is silent" "$(cat "$SITE/out" "$SITE/err")"
	[ -d "$PG_DIR/data/base/$left" ]
	rm -r "$PG_DIR/data/base/$left"
	belay check
	! grep -q 'belongs to no database' "$SITE/out" || false
}
