#!/usr/bin/env bats
# What a rehearsal finds is found before anything is stopped, and nothing of it stays.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	standin_site alpha
	site_signature >"$SITE/before"
	PID=$(site_pid)
}

teardown() {
	site_remove
}

nothing_is_left() {
	[ -z "$(find "$SITE" -name '.rehearsal-*' -o -name '*.running')" ] || {
		find "$SITE" -name '.rehearsal-*' -o -name '*.running' >&2
		return 1
	}
}

untouched() {
	[ "$(site_pid)" = "$PID" ] || complain "another process serves" || return 1
	nothing_is_left && site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "rehearse says what would happen, and leaves nothing but its report" {
	expect 0 belay rehearse 0.8.0
	expect_text out '8452d01d26d7'
	expect_text out 'chat_message'
	untouched
	expect 0 belay --json rehearse 0.8.0
	jq -es 'last | .outcome == "rehearsed" and .rehearsal.head == "a1b2c3d4e5f6"
		and .rehearsal.predicted.dark_ms > 0 and (.rehearsal.answers | all(.ok))' "$SITE/out"
	untouched
}

refused_by_rehearsal() {
	expect 3 belay upgrade "$1" --yes
	expect_text err "rehearsal of release $1 failed.*$2"
	untouched
}

@test "a migration that raises" {
	refused_by_rehearsal 0.8.1 'made to fail by the stand-in'
}

@test "a migration that hangs" {
	refused_by_rehearsal 0.8.2 'nothing has moved'
}

@test "a migration that loses chats" {
	refused_by_rehearsal 0.8.6 "table 'chat'"
}

@test "a release that dies while it starts" {
	refused_by_rehearsal 0.8.7 'ended while it started'
}

@test "a release that is never well" {
	refused_by_rehearsal 0.8.9 'never became healthy'
}

@test "a migration that this data does not let through" {
	columns=$(sqlite3 "$SITE_DATA/webui.db" "SELECT group_concat(name) FROM pragma_table_info('user')
		WHERE name NOT IN ('id', 'email', 'api_key', 'oauth_sub')")
	sqlite3 "$SITE_DATA/webui.db" "INSERT INTO \"user\" (id, email, $columns)
		SELECT 'other', upper(email), $columns FROM \"user\""
	site_signature >"$SITE/before"
	refused_by_rehearsal 0.8.3 "migration 'bad4bad4bad4'.*(UNIQUE|unique)"
	# Where the check knows the migration, nothing is even built.
	expect 3 belay upgrade 0.12.4 --yes
	expect_text err 'e-mail addresses of several accounts'
	untouched
}

@test "a release that lacks a module" {
	refused_by_rehearsal 0.8.5 "asyncpg_standin"
}

@test "users would wait longer than the site file allows" {
	sed -i 's/^\[upgrade\]$/[upgrade]\nmax_dark = 0.001/' "$SITE_FILE"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'max_dark'
	untouched
}

@test "--skip-rehearsal is recorded" {
	expect 0 belay --json upgrade 0.8.0 --skip-rehearsal --yes
	jq -es 'last | .outcome == "upgraded" and .rehearsal.skipped' "$SITE/out"
	grep -q rehearsal-skipped "$SITE/out"
}

@test "TERM while it rehearses: 143, nothing is left" {
	"$BELAY" --site "$SITE_FILE" rehearse 0.8.2 >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	pid=$!
	until [ -n "$(find "$SITE" -name '*.running')" ]; do sleep 0.1; done
	sleep 1
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	untouched
}

@test "KILL while it rehearses: resume removes what is left" {
	"$BELAY" --site "$SITE_FILE" rehearse 0.8.2 >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	pid=$!
	until [ -n "$(find "$SITE" -name '*.running')" ]; do sleep 0.1; done
	sleep 1
	kill -KILL "$pid"
	wait "$pid" || true
	expect 0 belay --yes resume
	untouched
}
