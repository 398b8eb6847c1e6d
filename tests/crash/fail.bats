#!/usr/bin/env bats
# Any effect fails, or the disk is full: exit 1 or 4 and the site as before, or 0 after the gate.

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/matrix.sh"
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/site/site.env" ] || { site_use "$BATS_TEST_TMPDIR/site" && site_remove; }
}

judged() {
	case $status in
	0) ;;
	1 | 3 | 4)
		[ "$(site_version)" = 0.7.2 ] || complain "exit status $status, but $(site_version) serves"
		[ -s "$SITE/err" ] || complain "exit status $status without a word"
		expect_signature "$SITE/before"
		;;
	5)
		# The undo itself was hit, or the journal: resume has to manage.
		expect 0 belay resume --yes
		;;
	*) complain "exit status $status" "$(cat "$SITE/err")" ;;
	esac
	no_mix
}

@test "every effect fails once" {
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 2))
	MATRIX_SITE= for_points fail 5 judged
}

@test "the disk is full at every effect once" {
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 2))
	MATRIX_SITE= for_points full 19 judged
}
