#!/usr/bin/env bats
# belay killed at any point, the start script tried by hand, then `resume --undo`.

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/matrix.sh"
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/site/site.env" ] || { site_use "$BATS_TEST_TMPDIR/site" && site_remove; }
}

undo() {
	[ "$status" = 137 ] || complain "not killed: exit status $status"
	start_by_hand
	belay resume --undo --yes
	# After the gate's yes there is no undo: it says so, and finishing is the way.
	if [ "$status" = 3 ]; then
		expect_text err 'belay resume --finish'
		expect 0 belay resume --finish --yes
	fi
	[ "$status" = 0 ] || complain "resume --undo: exit status $status" "$(cat "$SITE/err")"
	no_mix
	[ "$(site_version)" != 0.7.2 ] || expect_signature "$SITE/before"
}

@test "killed, tried by hand, undone" {
	MATRIX_SITE= for_points kill 3 undo
}

@test "killed, tried by hand, undone: data inside the environment" {
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 2))
	MATRIX_SITE=inside for_points kill 9 undo
}
