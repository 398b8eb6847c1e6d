#!/usr/bin/env bats
# Others on the database: replication, BI tools, psql. Named, and neither ended nor left behind unless
# the operator agrees.

load ../harness/postgres_file

setup_file() {
	PG_MORE='-c wal_level=logical' postgres_of_file_start
	[ ! -e "$BATS_FILE_TMPDIR/server" ] || PGUSER=postgres psql -d postgres -qXc "ALTER ROLE $PG_ROLE REPLICATION"
}

teardown() {
	[ -z "${OTHER:-}" ] || kill "$OTHER" 2>/dev/null || true
	[ -z "${SITE:-}" ] || site_remove
}

as_superuser() {
	PGUSER=postgres psql -d "$SITE_PG" -AtXq -v ON_ERROR_STOP=1 -c "$1"
}

as_before() {
	[ "$(site_version)/$(site_revision)" = 0.7.2/c440947495f3 ]
	site_reads_back
	expect_signature "$SITE/before"
	expect 0 belay status --check
}

# Somebody who stays: $OTHER is the program, OTHER_PID the server's process for it.
other_start() {
	PGAPPNAME=$1 psql -d "$SITE_PG" -qAtX <<-'END' >"$SITE/other" 2>&1 3>&- &
	SELECT pg_backend_pid();
	SELECT pg_sleep(600);
	END
	OTHER=$!
	for _ in $(seq 100); do
		[ ! -s "$SITE/other" ] || break
		sleep 0.1
	done
	OTHER_PID=$(head -n 1 "$SITE/other")
	[ "$OTHER_PID" -gt 0 ]
}

other_is_there() {
	[ "$(as_superuser "SELECT count(*) FROM pg_stat_activity WHERE pid = $OTHER_PID")" = 1 ]
}

@test "a session of others is named and refuses; it is ended when somebody agrees" {
	other_start metabase
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "pid $OTHER_PID: $PG_ROLE, metabase, 127.0.0.1, 20"
	expect_text err 'the same command with --disconnect-others'
	other_is_there
	as_before
	expect 0 belay upgrade 0.8.0 --plan --disconnect-others
	expect_text out "$PG_ROLE, metabase"
	other_is_there
	expect 0 belay upgrade 0.8.0 --yes --disconnect-others
	! other_is_there || false
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	# The way back asks before the server is stopped.
	other_start metabase
	expect 3 belay rollback --yes
	expect_text err "pid $OTHER_PID: $PG_ROLE, metabase"
	expect_text err 'the same command with --disconnect-others'
	other_is_there
	[ "$(site_version)" = 0.8.0 ]
	expect 0 belay rollback --yes --disconnect-others
	! other_is_there || false
	[ "$(site_version)/$(site_revision)" = 0.7.2/c440947495f3 ]
	site_reads_back
}

@test "a session that comes later: given up when the databases change places, exit 4, nobody is ended" {
	BELAY_FAULT=stop@pg-door:2 "$BELAY" --site "$SITE_FILE" upgrade 0.8.0 --skip-rehearsal --yes \
		>"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	run=$!
	for _ in $(seq 600); do
		! grep -qs '^State:.T' "/proc/$run/status" || break
		process_lives "$run" || complain "it ended before" "$(cat "$SITE/err")" || return 1
		sleep 0.1
	done
	other_start psql
	kill -CONT "$run"
	status=0
	wait "$run" || status=$?
	[ "$status" = 4 ] || complain "exit status $status" "$(cat "$SITE/out" "$SITE/err")"
	expect_text err "pid $OTHER_PID: $PG_ROLE, psql"
	expect_text err 'disconnect-others'
	other_is_there
	as_before
	api_json POST /api/v1/chats/new "$(chat_text 77)" | field id >/dev/null || complain "users cannot save"
}

@test "a replication slot refuses; agreed to, it stays with the old database, and prune leaves it" {
	as_superuser "SELECT pg_create_logical_replication_slot('feed', 'test_decoding')" >/dev/null
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'replication slot feed belongs to the database'
	expect_text err 'belay upgrade --accept-replication'
	as_before
	expect 0 belay upgrade 0.8.0 --yes --accept-replication
	run=$(basename "$(ls -d "$SITE"/state/*/runs/*-upgrade "$SITE"/state/runs/*-upgrade 2>/dev/null | tail -n 1)")
	belay prune --yes --way-back "$run"
	cat "$SITE/out" "$SITE/err" | grep -q 'replication slot feed' || complain "prune: $status" "$(cat "$SITE/out" "$SITE/err")"
	[ "$(as_superuser "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'feed'")" = 1 ]
	expect 0 belay rollback --yes
	# It gives what was written before and after, and nothing of the other database.
	[ "$(as_superuser "SELECT database FROM pg_replication_slots WHERE slot_name = 'feed'")" = "$SITE_PG" ]
	api_json POST /api/v1/chats/new "$(chat_text 55)" >/dev/null
	[ "$(as_superuser "SELECT count(*) FROM pg_logical_slot_get_changes('feed', NULL, NULL) WHERE data ~ 'table public.chat: INSERT'")" = 1 ]
	as_superuser "SELECT pg_drop_replication_slot('feed')" >/dev/null
}

@test "a slot that somebody reads from: agreed to, its session is ended like the site's own" {
	as_superuser "SELECT pg_create_logical_replication_slot('live', 'test_decoding')" >/dev/null
	pg_recvlogical -d "$SITE_PG" --slot live --start -f "$SITE/changes" </dev/null >"$SITE/recv" 2>&1 3>&- &
	OTHER=$!
	for _ in $(seq 100); do
		[ "$(as_superuser "SELECT active FROM pg_replication_slots WHERE slot_name = 'live'")" != t ] || break
		sleep 0.1
	done
	expect 0 belay upgrade 0.8.0 --yes --accept-replication --skip-rehearsal --disconnect-others
	[ "$(site_version)" = 0.8.0 ]
	kill "$OTHER" && wait "$OTHER" || true
	OTHER=
	expect 0 belay rollback --yes
	as_superuser "SELECT pg_drop_replication_slot('live')" >/dev/null
}

@test "a subscription refuses; agreed to, the data migrates in the dark and it stays with the old database" {
	PGUSER=postgres psql -d postgres -qXc "CREATE DATABASE source_$SITE_PG"
	PGUSER=postgres psql -d "source_$SITE_PG" -qX -c "CREATE TABLE feed (id int PRIMARY KEY)" \
		-c "CREATE PUBLICATION feed FOR TABLE feed" \
		-c "SELECT pg_create_logical_replication_slot('feed_$SITE_PG', 'pgoutput')" >/dev/null
	as_superuser "CREATE TABLE feed (id int PRIMARY KEY)"
	as_superuser "ALTER TABLE feed OWNER TO $PG_ROLE"
	as_superuser "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=$PG_PORT user=postgres dbname=source_$SITE_PG'
		PUBLICATION feed WITH (connect = false, slot_name = 'feed_$SITE_PG')"
	site_signature >"$SITE/before"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'subscription feed receives logical replication'
	as_before
	site_set accept_replication yes
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	[ "$(as_superuser "SELECT count(*) FROM pg_subscription WHERE subname = 'feed' AND subdbid <> (SELECT oid FROM pg_database WHERE datname = '$SITE_PG')")" = 1 ]
	expect 0 belay rollback --yes
	[ "$(as_superuser "SELECT datname FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE subname = 'feed'")" = "$SITE_PG" ]
	as_superuser "ALTER SUBSCRIPTION feed SET (slot_name = NONE)"
	as_superuser "DROP SUBSCRIPTION feed"
	PGUSER=postgres psql -d "source_$SITE_PG" -qXc "SELECT pg_drop_replication_slot('feed_$SITE_PG')" >/dev/null
}
