#!/usr/bin/env bats
# Two at once: on one site the second waits for nobody and touches nothing; two sites know nothing of
# each other; another tool in the environment is noticed.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
}

teardown() {
	for name in alpha beta; do
		[ ! -e "$BATS_TEST_TMPDIR/$name/site.env" ] || {
			site_use "$BATS_TEST_TMPDIR/$name"
			site_remove
		}
	done
}

# begin_upgrade VERSION [OPTION ...]: in the background; FIRST afterwards.
begin_upgrade() {
	"$BELAY" --site "$SITE_FILE" upgrade "$@" --yes >"$SITE/out1" 2>"$SITE/err1" </dev/null 3>&- &
	FIRST=$!
	until "$BELAY" --site "$SITE_FILE" status 2>/dev/null | grep -q "process $FIRST\|$FIRST" ||
		! kill -0 "$FIRST" 2>/dev/null; do
		sleep 0.1
	done
}

@test "every changing command gives way to a run that goes on, and says whose it is" {
	standin_site alpha
	site_signature >"$SITE/before"
	begin_upgrade 0.8.2 --skip-rehearsal
	for command in "upgrade 0.8.0" rollback backup "rehearse 0.8.0" prune "resume --undo"; do
		# shellcheck disable=SC2086
		expect 6 belay --yes $command
		expect_text err "$FIRST"
	done
	status=0
	wait "$FIRST" || status=$?
	[ "$status" = 4 ]
	site_reads_back
	expect_signature "$SITE/before"
}

@test "two sites on one host are upgraded side by side" {
	for name in alpha beta; do
		standin_site "$name"
	done
	pids=
	for name in alpha beta; do
		site_use "$BATS_TEST_TMPDIR/$name"
		"$BELAY" --site "$SITE_FILE" upgrade 0.8.0 --yes >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || {
			cat "$BATS_TEST_TMPDIR"/*/err >&2
			return 1
		}
	done
	for name in alpha beta; do
		site_use "$BATS_TEST_TMPDIR/$name"
		[ "$(site_version)" = 0.8.0 ]
		site_reads_back
		expect 0 belay --yes rollback --accept-loss
		[ "$(site_version)" = 0.7.2 ]
		site_reads_back
	done
}

@test "another tool has upgraded the package: refused, nothing is touched" {
	standin_site alpha
	pid=$(site_pid)
	uv pip install -q -p "$SITE_ENV/bin/python" --no-index --find-links "$CACHE/wheelhouse" "open-webui==0.8.0"
	expect 3 belay upgrade 0.12.4 --yes
	expect_text err '0\.7\.2.*0\.8\.0|0\.8\.0.*0\.7\.2'
	[ "$(site_pid)" = "$pid" ]
	site_reads_back
}

@test "another tool upgrades the package while a run goes on: given up, nothing is lost" {
	standin_site alpha
	pid=$(site_pid)
	# Everything was checked by then, and the site still serves.
	"$BELAY" --site "$SITE_FILE" --json upgrade 0.12.4 --yes 2>"$SITE/err" </dev/null 3>&- |
		while read -r line; do
			echo "$line"
			case $line in
			*'"make-backup"'*'"started"'* | *'"started"'*'"make-backup"'*)
				uv pip install -q -p "$SITE_ENV/bin/python" --no-index \
					--find-links "$CACHE/wheelhouse" "open-webui==0.8.0"
				;;
			esac
		done >"$SITE/out"
	cat "$SITE/out" "$SITE/err" >&2
	tail -n 1 "$SITE/out" | jq -e '.outcome == "refused"'
	expect_text err 'holds version 0\.8\.0 now and held 0\.7\.2'
	[ "$(site_pid)" = "$pid" ]
	site_reads_back
	expect 0 belay status --check
}
