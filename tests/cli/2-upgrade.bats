#!/usr/bin/env bats
# The way up and back on SQLite, with the stand-in.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
}

teardown() {
	site_remove
}

@test "upgrade to 0.8.0 and back: everything reads back, the database is what it was" {
	standin_site alpha
	site_signature >"$SITE/before"

	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	[ "$(site_revision)" = a1b2c3d4e5f6 ]
	site_reads_back
	[ "$(readlink "$SITE_ENV")" = "$SITE_ENV.releases/0.8.0" ] || [ "$(readlink -f "$SITE_ENV")" = "$SITE_ENV.releases/0.8.0" ]
	expect 0 belay status
	expect_text out 0.8.0
	expect 0 belay history
	expect_text out '0\.7\.2 -> 0\.8\.0'
	expect 0 belay history "$(grep -o '[0-9-]*-upgrade' "$SITE/out" | head -n 1)"
	expect_text out 'build the new release beside the old one'
	! grep build-release "$SITE/out" || false

	expect 0 belay rollback --yes
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
	expect 0 belay history
	[ "$(grep -c -E 'upgrade|rollback' "$SITE/out")" = 2 ]
}

@test "data inside the environment, restarted by hand with the old script in between" {
	standin_site alpha inside
	site_signature >"$SITE/before"

	expect 0 belay upgrade 0.8.0 --yes
	site_reads_back
	site_stop
	site_start
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	[ "$(jq -r .onboarding "$SITE/now.json" 2>/dev/null || echo null)" != true ]

	expect 0 belay rollback --yes --accept-loss
	site_stop
	site_start
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
}

@test "no version: the newest that is not known to be bad; again: nothing to do" {
	standin_site alpha
	expect 0 belay upgrade --yes
	[ "$(site_version)" = 0.12.4 ]
	site_reads_back
	expect 0 belay upgrade v0.12.4 --yes
	expect_text out 'nothing to do'
	expect_text err 'version 0.12.4 is what serves'
	expect 0 belay upgrade latest --yes
	expect 0 belay resume --yes
	expect_text err 'no run is unfinished'
}

@test "two upgrades and two rollbacks" {
	standin_site alpha
	expect 0 belay upgrade 0.8.0 --yes
	expect 0 belay upgrade 0.12.4 --yes
	[ "$(site_version)" = 0.12.4 ]
	expect 0 belay rollback --yes
	[ "$(site_version)" = 0.8.0 ]
	[ "$(site_revision)" = a1b2c3d4e5f6 ]
	site_reads_back
}

@test "the plan changes nothing and asks nothing" {
	standin_site alpha
	site_signature >"$SITE/before"
	pid=$(site_pid)
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out '0\.8\.0' || expect_text err '0\.8\.0'
	[ "$(site_pid)" = "$pid" ]
	[ ! -e "$SITE_ENV.releases" ]
	expect_signature "$SITE/before"
}

@test "the plan says what keeps users waiting, and what it costs" {
	standin_site alpha UVICORN_WORKERS=2
	expect 0 belay --json upgrade 0.8.0 --plan
	jq -es 'last | .plan.start | .prewarmed == false and .why == "2 workers serve this site" and (has("costs_ms") | not)' "$SITE/out"
	jq -es 'last | .plan.reading | .reads_on == false and (.why | test("before 0.9")) and .instead == "sqlite_freeze = yes"' "$SITE/out"
	expect 0 belay rehearse 0.8.0
	expect 0 belay --json upgrade 0.8.0 --plan
	jq -es 'last | .plan | .start.costs_ms > 0 and .dark_ms > .reading.instead_dark_ms and .reading.instead_read_only_ms > 0' "$SITE/out"
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out 'with sqlite_freeze = yes +dark for about .*, read-only for about '
	expect_text err 'an ordinary start, not prewarmed: about .* more without service'
}

@test "no terminal and no --yes: exit 2, nothing happened" {
	standin_site alpha
	pid=$(site_pid)
	expect 2 belay upgrade 0.8.0
	expect_text err '--yes'
	[ "$(site_pid)" = "$pid" ]
	expect 2 belay --json upgrade 0.8.0
	jq -es 'last | .outcome == "failed" and .exit_status == 2' "$SITE/out"
}

@test "no terminal, and something wrong with the words: the words are what is told" {
	standin_site alpha
	for words in 'upgrade not-a-version' 'upgrade 0.8.0 --wheels /nowhere/wheels' 'rollback no-such-run' \
		'restore no-such-set' 'prune --way-back no-such-run'; do
		# shellcheck disable=SC2086
		belay $words
		[ "$status" = 2 ] || [ "$status" = 3 ] || complain "$words: exit status $status"
		! grep terminal "$SITE/err" || complain "$words: a terminal is missed"
	done
	expect 0 belay upgrade 0.7.2
	expect 0 belay resume
}

@test "--wheels that is not there: exit 2, also when the release is built already" {
	standin_site alpha
	expect 0 belay upgrade 0.8.0 --yes
	expect 0 belay rollback --yes
	for command in upgrade rehearse check notes; do
		expect 2 belay $command 0.8.0 --wheels "$SITE/nowhere" --yes
		expect_text err "no folder '$SITE/nowhere'"
	done
	expect 2 belay adopt --overrides "$SITE/nowhere" --print
	expect_text err "no file '$SITE/nowhere'"
}

@test "--json: every line is an object of schema 1, the last is the result" {
	standin_site alpha
	expect 0 belay --json upgrade 0.8.0 --yes
	jq -es 'all(.schema == 1 and (.event | type == "string"))' "$SITE/out"
	jq -es '[.[] | select(.event == "result")] | length == 1' "$SITE/out"
	jq -es 'last | .event == "result" and .outcome == "upgraded" and .from == "0.7.2" and .to == "0.8.0"
		and (.run | test("-upgrade$")) and .dark_ms > 0 and .total_ms >= .dark_ms
		and (.migrations | length == 4) and (.migrations[0].ms >= 0)' "$SITE/out"
	# Seen from outside it was dark too, once, and what users had was said at each change.
	jq -es 'last | .measured | .dark_ms > 0 and .longest_dark_ms == .dark_ms and .asked > .failed and .failed > 0' "$SITE/out"
	[ "$(jq -r 'select(.event == "users") | .state' "$SITE/out" | xargs)" = "wait work" ]
	jq -es '[.[] | select(.event == "users")] | .[0].data.predicted_ms > 0' "$SITE/out"
	run=$(jq -rs 'last | .run' "$SITE/out")
	grep -q 'as seen from outside' "$SITE/state"/*/runs/"$run"/report.md
	expect 0 belay history "$run"
	expect_text out 'as seen from outside'
	expect 0 belay --json status
	jq -es 'last | .event == "result" and .way_back.version == "0.7.2"' "$SITE/out"
}

hangul() {
	LC_ALL=C.UTF-8 grep -qP '\p{Hangul}'
}

@test "what people read in Korean" {
	standin_site alpha
	export LC_ALL=C.UTF-8 LANGUAGE=ko
	expect 0 belay upgrade 0.8.0 --yes
	cat "$SITE/err" "$SITE/out" | hangul
	expect 0 belay status
	hangul <"$SITE/out"
}

@test "notes and check tell what an upgrade would do and touch nothing" {
	standin_site alpha
	site_signature >"$SITE/before"
	expect 0 belay notes 0.8.0
	expect_text out 'Database Migrations'
	expect_text out 8452d01d26d7
	expect 0 belay check 0.8.0
	expect_signature "$SITE/before"
}

@test "a backup set is complete, private, and restores by itself" {
	standin_site alpha
	expect 0 belay backup
	set=$(ls -d "$SITE/start/backups"/openwebui_backup_*)
	[ "$(stat -c %a "$set")" = 700 ]
	[ -z "$(find "$set" -type f ! -perm 600)" ]
	for file in manifest.json webui.db.zst secret_key environment packages.txt start.json RESTORE.md; do
		[ -s "$set/$file" ] || complain "$file is missing in the set"
	done
	zstd -qdc "$set/webui.db.zst" >"$SITE/restored.db"
	[ "$(sqlite3 "$SITE/restored.db" 'SELECT count(*) FROM chat')" = 3 ]
	[ "$(sqlite3 "$SITE/restored.db" 'PRAGMA integrity_check')" = ok ]
	expect 0 belay backups
	expect_text out "$(basename "$set")"

	sqlite3 "$SITE_DATA/webui.db" 'DELETE FROM chat'
	expect 0 belay restore "$(basename "$set")" --yes
	site_reads_back
}

@test "a secret of the site appears nowhere in the state, but in the recipe" {
	standin_site alpha WEBUI_SECRET_KEY=s3cret-of-the-site
	expect 0 belay upgrade 0.8.0 --yes
	found=$(grep -rl s3cret-of-the-site "$SITE/state" "$SITE/out" "$SITE/err" | grep -v recipe.json || true)
	[ -z "$found" ] || complain "the key is in: $found"
}

@test "packages that somebody added are carried over" {
	standin_site alpha
	uv pip install -q -p "$SITE_ENV/bin/python" --no-index --find-links "$CACHE/wheelhouse" psycopg2-binary
	expect 0 belay upgrade 0.8.0 --yes
	"$SITE_ENV.releases/0.8.0/bin/python" -c 'import psycopg2'
}

@test "pip instead of uv: nothing of it stays but the release" {
	standin_site alpha
	"$SITE_ENV/bin/python" -I -m ensurepip >/dev/null 2>&1
	site_set installer pip
	expect 0 belay upgrade 0.8.0 --yes
	grep -q 'm pip install --no-index' "$SITE"/state/alpha/runs/*/commands.log
	[ "$(site_version)" = 0.8.0 ]
	[ "$(ls -A "$SITE_ENV.releases" | tr '\n' ' ')" = ".prewarm 0.7.2 0.8.0 " ]
	[ "$(ls -A "$SITE/state/alpha/packages" | tr '\n' ' ')" = "0.8.0 fetch.log " ]
	site_reads_back
}
