#!/usr/bin/env bats
# However the part ends in which users can read and not save: afterwards they can save again.

load ../harness/postgres_file

can_save() {
	api_json POST /api/v1/chats/new "$(chat_text 77)" | field id >/dev/null
}

second_terminal() {
	status=0
	"$BELAY" --site "$SITE_FILE" "$@" >"$SITE/second" 2>&1 </dev/null 3>&- || status=$?
}

# Into the migration of the copy, which hangs: users read, and save nothing.
into_read_only() {
	server=$(site_pid)
	can_save
	site_signature >"$SITE/before"
	"$BELAY" --site "$SITE_FILE" --json upgrade 0.8.2 --skip-rehearsal --yes \
		>"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	run=$!
	for _ in $(seq 300); do
		! jq -es 'any(.[]; .id == "migrate-copy" and .state == "started")' "$SITE/out" >/dev/null 2>&1 || break
		sleep 0.1
	done
	[ "$(site_pid)" = "$server" ]
	site_reads_back
	! can_save || complain "users can save: this is not the read-only part"
	# A second terminal sees it, too.
	expect 0 second_terminal status
	expect_text second 'users +read; saving is refused: for '
	expect_text second 'step run the migrations on the copy'
	expect 0 second_terminal --json status
	jq -es 'last | .unfinished.users | .can == "read" and .since_ms > 0' "$SITE/second"
}

# The process that served all the time is still there, and can write again.
as_before() {
	[ "$(site_pid)" = "$server" ]
	site_reads_back
	expect_signature "$SITE/before"
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 1 ]
	expect 0 belay status --check
	can_save || complain "users cannot save"
}

ended() {
	status=0
	wait "$run" || status=$?
	[ "$status" = "$1" ] || complain "exit status $status instead of $1" "$(cat "$SITE/err")"
}

@test "INT: exit 130, undone" {
	into_read_only
	kill -INT "$run"
	ended 130
	as_before
}

@test "KILL: resume undoes it" {
	into_read_only
	kill -KILL "$run"
	ended 137
	expect 5 belay status --check
	expect 0 belay resume --yes
	as_before
}

@test "KILL: the start script is run all the same, then resume" {
	into_read_only
	kill -KILL "$run"
	ended 137
	site_stop
	bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
	site_wait
	server=$(site_pid)
	expect 0 belay resume --yes
	as_before
}

@test "a migration that hangs ends by itself: exit 4" {
	into_read_only
	ended 4
	as_before
}

@test "a rollback to a release that is broken by now: exit 4, the newer one serves and saves" {
	expect 0 belay upgrade 0.8.0 --yes
	can_save
	rm "$SITE_ENV.releases/0.7.2/lib"/*/site-packages/open_webui/store.py
	expect 4 belay rollback --yes --accept-loss
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
	site_reads_back
	can_save || complain "users cannot save"
	expect 0 belay status --check
}

@test "read_on = no: users wait, as the plan says" {
	sed -i 's/^# *read_on = .*/read_on = no/' "$SITE_FILE"
	grep -q '^read_on = no$' "$SITE_FILE"
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out 'while the data migrates users +wait in the dark'
	expect_text err 'the site file says read_on = no'
	expect_text out 'with read_on = auto +not known before the first rehearsal'
	expect 0 belay --json upgrade 0.8.0 --yes
	[ "$(jq -r 'select(.event == "users") | .state' "$SITE/out" | xargs)" = "wait work" ]
	jq -es 'last | .read_only_ms == 0 and .measured.read_only_ms == 0 and .measured.dark_ms > 0' "$SITE/out"
	can_save
}
