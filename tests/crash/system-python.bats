#!/usr/bin/env bats
# belay killed at any point of the first upgrade of a site in the system's Python, the start script
# tried by hand, then `resume` one way or the other. The system's installation stays as it was.

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/matrix.sh"
	. "$ROOT/tests/harness/system_site.sh"
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 2))
	# What matrix.sh breaks.
	standin_site() {
		SYSTEM_SITE_NAME=$1 system_site line && system_digest >"$SITE/system.before" && expect 0 site_adopt
	}
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/site/site.env" ] || { site_use "$BATS_TEST_TMPDIR/site" && site_remove; }
}

the_same_system() {
	system_digest | cmp -s - "$SITE/system.before" || complain "the system's installation was changed"
}

# Chained: the shell ignores `set -e` where a judge is called.
undo() {
	[ "$status" = 137 ] || complain "not killed: exit status $status" || return 1
	start_by_hand || return 1
	belay resume --undo --yes
	if [ "$status" = 3 ]; then
		expect_text err 'belay resume --finish' && expect 0 belay resume --finish --yes || return 1
	fi
	[ "$status" = 0 ] || complain "resume --undo: exit status $status" "$(cat "$SITE/err")" || return 1
	no_mix && the_same_system && expect 0 belay upgrade 0.8.0 --yes &&
		[ "$(site_version)" = 0.8.0 ] && the_same_system
}

finish() {
	[ "$status" = 137 ] || complain "not killed: exit status $status" || return 1
	start_by_hand || return 1
	belay resume --finish --yes
	[ "$status" = 0 ] || complain "resume --finish: exit status $status" "$(cat "$SITE/err")" || return 1
	no_mix && the_same_system
}

@test "the system's Python: killed, tried by hand, undone, upgraded after all" {
	MATRIX_SITE= for_points kill 5 undo
}

@test "the system's Python: killed, tried by hand, finished" {
	MATRIX_SITE= for_points kill 12 finish
}
