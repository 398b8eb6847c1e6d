#!/usr/bin/env bats
# belay killed in the dark part: the site's own start script must start nothing, and resume ends in
# old+old or new+new. The matrix of all points is in tests/crash/.

setup_file() {
	export SITES="$BATS_FILE_TMPDIR"
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	standin_site model
	BELAY_FAULT_LOG="$BATS_FILE_TMPDIR/points" expect 0 belay upgrade 0.8.0 --yes
	site_remove
	unset SITES
	# The databases have changed places, the link has not: the darkest moment.
	awk '$2 == "sql-checkpoint" { swap = NR } swap && !done && $2 == "link-create" && NR > swap { print $1; done = 1 }
		$2 == "sql-checkpoint" { done = 0 }' "$BATS_FILE_TMPDIR/points" | tail -n 1 >"$BATS_FILE_TMPDIR/darkest"
}

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	standin_site alpha
	site_signature >"$SITE/before"
}

teardown() {
	site_remove
}

killed_at() {
	BELAY_FAULT="$1" belay upgrade 0.8.0 --yes
	[ "$status" = 137 ] || complain "not killed at $1: exit status $status" "$(cat "$SITE/err")"
	[ -z "$(site_pid)" ] || complain "something serves"
	bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
	sleep 1.5
	[ -z "$(site_pid)" ] || complain "the start script brought something up"
	grep -q 'is unfinished: belay resume' "$SITE_LOG" || complain "the log does not say why nothing starts"
	expect 5 belay status --check
	expect 5 belay upgrade 0.8.0 --yes
	expect_text err 'belay resume'
}

old_and_old() {
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	expect_signature "$SITE/before"
	expect 0 belay status --check
}

new_and_new() {
	[ "$(site_version)" = 0.8.0 ]
	[ "$(site_revision)" = a1b2c3d4e5f6 ]
	site_reads_back
	expect 0 belay status --check
}

@test "killed before the copy, undone: old and old" {
	killed_at kill@sql-checkpoint
	expect 0 belay resume --undo --yes
	old_and_old
}

@test "killed before the copy, finished: new and new" {
	killed_at kill@sql-checkpoint
	expect 0 belay resume --finish --yes
	new_and_new
}

@test "killed between the databases and the release, undone: old and old" {
	killed_at "kill:$(cat "$BATS_FILE_TMPDIR/darkest")"
	expect 0 belay resume --undo --yes
	old_and_old
}

@test "killed between the databases and the release, finished: new and new" {
	killed_at "kill:$(cat "$BATS_FILE_TMPDIR/darkest")"
	expect 0 belay resume --yes
	new_and_new
}
