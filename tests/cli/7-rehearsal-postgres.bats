#!/usr/bin/env bats
# Rehearsals on PostgreSQL: what could go wrong there is found before anything is stopped, and the
# server has nothing of it afterwards.

setup_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	postgres_of_file_start
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	postgres_of_file_stop
}

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	postgres_of_file_site
	site_signature >"$SITE/before"
	PID=$(site_pid)
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
}

databases() {
	psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}%' ORDER BY 1"
}

untouched() {
	[ "$(site_pid)" = "$PID" ] || complain "another process serves" || return 1
	[ "$(databases)" = "$SITE_PG" ] || complain "left: $(databases)" || return 1
	[ -z "$(find "$SITE" -name '.rehearsal-*' -o -name '*.running' -o -name '*.unpacked')" ] ||
		complain "left: $(find "$SITE" -name '.rehearsal-*' -o -name '*.running')" || return 1
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "what the proof restored is rehearsed on: the backup is restored once" {
	expect 0 belay --json rehearse 0.8.0
	[ "$(grep -c pg_restore "$SITE"/state/alpha/runs/*/commands.log)" = 1 ]
	! grep -q 'restoring the backup set for the rehearsal' "$SITE/out"
	tail -n 1 "$SITE/out" | jq -e '.rehearsal.copy_ms > 0 and .rehearsal.wal_bytes > 0 and .rehearsal.bytes_before > 0'
	untouched
}

@test "KILL between proof and rehearsal: resume removes what the proof kept" {
	BELAY_FAULT=kill@after-apply:3 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(databases | grep -c proof)" = 1 ] || complain "the proof kept nothing: $(databases)"
	expect 0 belay resume --undo --yes
	untouched
}

@test "KILL between proof and rehearsal, finished: the rehearsal takes what is there" {
	BELAY_FAULT=kill@after-apply:3 belay rehearse 0.8.0
	[ "$status" = 137 ]
	expect 0 belay --json resume --finish --yes
	! grep -q 'restoring the backup set for the rehearsal' "$SITE/out"
	untouched
}

@test "KILL in the rehearsal, finished: a copy that was begun on is not used again" {
	# The first start is of the release that serves, the second of the target: after its migrations.
	BELAY_FAULT=kill@daemon-start:2 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(databases | grep -c proof)" = 1 ] || complain "nothing to take: $(databases)"
	expect 0 belay --json resume --finish --yes
	grep -q 'restoring the backup set for the rehearsal' "$SITE/out"
	untouched
}
