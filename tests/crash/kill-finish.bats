#!/usr/bin/env bats
# belay killed at any point, then `resume --finish`; and killed again while it resumes.

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/matrix.sh"
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/site/site.env" ] || { site_use "$BATS_TEST_TMPDIR/site" && site_remove; }
}

finish() {
	[ "$status" = 137 ] || complain "not killed: exit status $status"
	start_by_hand
	expect 0 belay resume --finish --yes
	no_mix
	# What was killed before its first step is over, not finished.
	[ "$(site_version)" = 0.8.0 ] || ! grep -q after-intent "$SITE/points"
}

# The second kill comes as early in the resume as the first in the upgrade; the third try has to do.
finish_twice() {
	[ "$status" = 137 ] || complain "not killed: exit status $status"
	BELAY_FAULT="kill:$((point / 4 + 1))" belay resume --yes
	start_by_hand
	belay resume --yes
	[ "$status" = 0 ] || complain "resume after two kills: exit status $status" "$(cat "$SITE/err")"
	no_mix
}

@test "killed, tried by hand, finished" {
	MATRIX_SITE= for_points kill 7 finish
}

@test "killed, killed again while it resumes, resumed" {
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 2))
	MATRIX_SITE= for_points kill 12 finish_twice
}
