#!/usr/bin/env bats
# The same on PostgreSQL, where users read on while the copy is made and migrated: afterwards they
# can save again.

setup_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	postgres_of_file_start
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	postgres_of_file_stop
}

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/matrix.sh"
	. "$ROOT/tests/harness/postgres.sh"
	postgres_of_file_database
	SAMPLE=$((SAMPLE == 1 ? 1 : SAMPLE * 3 / 2))
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/site/site.env" ] || { site_use "$BATS_TEST_TMPDIR/site" && site_remove; }
}

can_save() {
	api_json POST /api/v1/chats/new "$(chat_text 77)" | field id >/dev/null || complain "users cannot save"
}

undo() {
	[ "$status" = 137 ] || complain "not killed: exit status $status"
	start_by_hand
	belay resume --undo --yes
	if [ "$status" = 3 ]; then
		expect_text err 'belay resume --finish'
		expect 0 belay resume --finish --yes
	fi
	[ "$status" = 0 ] || complain "resume --undo: exit status $status" "$(cat "$SITE/err")"
	no_mix
	[ "$(site_version)" != 0.7.2 ] || expect_signature "$SITE/before"
	can_save
}

finish() {
	[ "$status" = 137 ] || complain "not killed: exit status $status"
	start_by_hand
	belay resume --finish --yes
	[ "$status" = 0 ] || complain "resume --finish: exit status $status" "$(cat "$SITE/err")"
	no_mix
	can_save
	[ "$(site_version)" = 0.8.0 ] || ! grep -q after-intent "$SITE/points"
}

failed() {
	case $status in
	0) ;;
	1 | 3 | 4)
		[ "$(site_version)" = 0.7.2 ] || complain "exit status $status, but $(site_version) serves"
		expect_signature "$SITE/before"
		;;
	5) expect 0 belay resume --yes ;;
	*) complain "exit status $status" "$(cat "$SITE/err")" ;;
	esac
	no_mix
	can_save
}

@test "PostgreSQL: killed, tried by hand, undone" {
	MATRIX_SITE=$PG_WORDS for_points kill 10 undo
}

@test "PostgreSQL: killed, tried by hand, finished" {
	MATRIX_SITE=$PG_WORDS for_points kill 22 finish
}

@test "PostgreSQL: every effect fails once" {
	MATRIX_SITE=$PG_WORDS for_points fail 31 failed
}
