#!/usr/bin/env bats
# Upgrades that must fail: the exit status says how far it got, and the site is what it was.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	standin_site alpha
	site_signature >"$SITE/before"
}

teardown() {
	[ -z "${STRANGER:-}" ] || kill "$STRANGER" 2>/dev/null || true
	[ -z "${stopped:-}" ] || kill -KILL "$stopped" 2>/dev/null || true
	site_remove
}

as_before() {
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "a migration that raises half-way: exit 4, undone" {
	expect 4 belay upgrade 0.8.1 --skip-rehearsal --yes
	expect_text err 'made to fail by the stand-in'
	as_before
}

@test "a migration that hangs: stuck is noticed, exit 4, undone" {
	expect 4 belay upgrade 0.8.2 --skip-rehearsal --yes
	as_before
}

@test "a migration that loses chats: exit 4, undone" {
	expect 4 belay upgrade 0.8.6 --skip-rehearsal --yes
	expect_text err chat
	as_before
}

@test "a release that dies while it starts: exit 4, undone" {
	expect 4 belay upgrade 0.8.7 --skip-rehearsal --yes
	as_before
}

@test "a release that serves but never says that it is well: exit 4, undone" {
	expect 4 belay upgrade 0.8.9 --skip-rehearsal --yes
	as_before
}

@test "a package that cannot be installed: found before anything stops" {
	pid=$(site_pid)
	expect 1 belay upgrade 0.10.0 --yes || expect 3 belay upgrade 0.10.0 --yes
	expect_text err 'open-webui-standin-missing'
	[ "$(site_pid)" = "$pid" ]
	as_before
}

@test "a version that does not exist: exit 3 names the newest there is" {
	pid=$(site_pid)
	expect 3 belay upgrade 0.77.0 --yes
	expect_text err '0\.12\.4'
	[ "$(site_pid)" = "$pid" ]
	as_before
}

@test "an older version: exit 3 speaks of going back" {
	expect 0 belay upgrade 0.8.0 --yes
	expect 3 belay upgrade 0.7.2 --yes
	expect_text err 'rollback|restore'
	[ "$(site_version)" = 0.8.0 ]
}

@test "a folder without wheels: exit 1, 2 or 3, nothing touched" {
	mkdir "$SITE/empty"
	pid=$(site_pid)
	belay upgrade 0.8.0 --yes --wheels "$SITE/empty"
	[ "$status" = 1 ] || [ "$status" = 2 ] || [ "$status" = 3 ]
	[ "$(site_pid)" = "$pid" ]
	as_before
}

@test "a stranger on the port: refused by name" {
	site_stop
	"$PYTHON" -m http.server -b 127.0.0.1 "$SITE_PORT" >/dev/null 2>&1 3>&- &
	STRANGER=$!
	until [ -n "$(site_pid)" ]; do sleep 0.1; done
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "$SITE_PORT"
	kill -0 "$STRANGER"
}

@test "a database that is gone: exit 1, 2 or 3 and its name" {
	site_stop
	mv "$SITE_DATA/webui.db" "$SITE_DATA/away.db"
	belay upgrade 0.8.0 --yes
	[ "$status" = 1 ] || [ "$status" = 2 ] || [ "$status" = 3 ]
	expect_text err 'webui\.db'
	mv "$SITE_DATA/away.db" "$SITE_DATA/webui.db"
	site_start
	as_before
}

@test "a start script that fails afterwards: exit 4, and the recipe brings the old one up" {
	sed -i '2i [ ! -L "'"$SITE_ENV"'" ] || exit 7' "$SITE/start/start_openwebui.sh"
	belay upgrade 0.8.0 --yes
	[ "$status" = 4 ] || [ "$status" = 3 ]
	site_wait
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
}

@test "a database that names no revision: exit 3, nothing happened" {
	sqlite3 "$SITE_DATA/webui.db" 'CREATE TABLE kept AS SELECT * FROM alembic_version; DELETE FROM alembic_version'
	expect 3 belay upgrade 0.8.0 --yes
	expect_text out 'it must have one'
	expect 3 belay check 0.8.0
	sqlite3 "$SITE_DATA/webui.db" 'INSERT INTO alembic_version SELECT * FROM kept; DROP TABLE kept'
	as_before
}

@test "a second run while one goes on: exit 6 names the first" {
	BELAY_TEST_LIMIT=60 belay upgrade 0.8.2 --skip-rehearsal --yes &
	first=$!
	for _ in $(seq 100); do
		sleep 0.1
		"$BELAY" --site "$SITE_FILE" status 2>/dev/null | grep -q 'process' && [ -z "$(site_pid)" ] && break
	done
	second=0
	"$BELAY" --site "$SITE_FILE" upgrade 0.8.0 --yes >"$SITE/out2" 2>"$SITE/err2" </dev/null || second=$?
	wait "$first" || true
	cat "$SITE/err2" >&2
	[ "$second" = 6 ]
	as_before
}

@test "TERM in the middle: undone, exit 143" {
	"$BELAY" --site "$SITE_FILE" upgrade 0.8.2 --skip-rehearsal --yes >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	pid=$!
	for _ in $(seq 200); do
		sleep 0.1
		[ -n "$(site_pid)" ] || break
	done
	sleep 0.5
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	cat "$SITE/err" >&2
	[ "$status" = 143 ]
	as_before
}

@test "somebody starts the old server right after it was stopped: it is stopped again, and the run goes on" {
	expect 0 belay upgrade 0.8.0 --yes
	belay_until link-create rollback --yes --accept-loss
	[ -z "$(site_pid)" ]
	site_start
	meanwhile=$(site_pid)
	[ "$(site_version)" = 0.8.0 ]
	kill -CONT "$stopped"
	status=0
	wait "$stopped" || status=$?
	[ "$status" = 0 ] || complain "exit status $status" "$(cat "$SITE/out" "$SITE/err")"
	expect_text err "started by somebody else as process $meanwhile"
	! process_lives "$meanwhile" || false
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	expect 0 belay status --check
}

@test "a lost terminal does not stop a run" {
	setsid sh -c '"$1" --site "$2" upgrade 0.8.0 --yes 2>&1 | head -n 1 >/dev/null' sh "$BELAY" "$SITE_FILE" </dev/null 3>&-
	for _ in $(seq 300); do
		"$BELAY" --site "$SITE_FILE" history 2>/dev/null | grep -q '0\.7\.2 -> 0\.8\.0' && break
		sleep 0.1
	done
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
}

# Begins one, until the watching does.
upgrade_watched() {
	site_set watch "$1"
	"$BELAY" --site "$SITE_FILE" upgrade 0.8.0 --yes >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	pid=$!
	for _ in $(seq 600); do
		grep -q '"watch-service"' "$SITE"/state/alpha/runs/*/events.jsonl 2>/dev/null && return
		sleep 0.1
	done
	complain "nothing is watched"
}

@test "a release that stays well: the watching ends by itself" {
	site_set watch 6
	expect 0 belay upgrade 0.8.0 --yes
	! grep -q 'does so no more' "$SITE/err" || complain "a false alarm"
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
}

@test "TERM while the new version is watched: only the watching ends" {
	upgrade_watched 600
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 0 ]
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	expect 0 belay status --check
}

@test "a release that dies a while after the gate: told, with the way back" {
	upgrade_watched 60
	kill -9 "$(site_pid)"
	status=0
	wait "$pid" || status=$?
	cat "$SITE/err" >&2
	[ "$status" = 0 ]
	expect_text err 'the new version answered, and does so no more'
	expect_text err 'belay rollback'
	expect 0 belay rollback --yes
	[ "$(site_version)" = 0.7.2 ]
}
