#!/usr/bin/env bats
# The real Open WebUI 0.7.2 on SQLite, to 0.8.0 and back.

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/lib.sh"
}

teardown() {
	for dir in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$dir/site.env" ] || { site_use "${dir%/}" && site_remove; }
	done
}

real_site() {
	name=$1
	shift
	site_new "$name" && site_env real 0.7.2 && site_script "$@" && site_start && site_fill && expect 0 site_adopt
}

@test "0.7.2 -> 0.8.0 -> rollback, beside a second Open WebUI that nobody touches" {
	site_new other && site_env standin 0.7.2 && site_script && site_start && site_fill 1
	site_signature >"$SITE/before"
	other=$SITE other_pid=$(site_pid)

	real_site alpha WEBUI_SECRET_KEY=real-s3cret
	argv_watch
	up_and_back
	argv_watch_end
	no_secret_left real-s3cret

	site_use "$other"
	[ "$(site_pid)" = "$other_pid" ]
	expect_signature "$SITE/before"
}

@test "data inside the environment, key in the start directory, restarted by hand in between" {
	real_site alpha inside
	site_signature >"$SITE/before"
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	site_stop
	site_start
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	expect 0 belay rollback --yes --accept-loss
	site_stop
	site_start
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
}

@test "a migration that raises half-way: refused by its rehearsal; without one exit 4, undone" {
	real_site alpha
	site_signature >"$SITE/before"
	patched_wheel "$SITE/wheels"
	pid=$(site_pid)
	expect 3 belay upgrade 0.8.99 --yes
	expect_text err 'made to fail by the test'
	[ "$(site_pid)" = "$pid" ]
	expect 4 belay upgrade 0.8.99 --skip-rehearsal --yes
	expect_text err 'made to fail by the test'
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	expect_signature "$SITE/before"
}

@test "killed in the dark, the start script starts nothing, resumed" {
	real_site alpha
	BELAY_FAULT=kill@sql-checkpoint belay upgrade 0.8.0 --yes
	[ "$status" = 137 ]
	[ -z "$(site_pid)" ]
	bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
	sleep 3
	[ -z "$(site_pid)" ]
	expect 0 belay resume --finish --yes
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
	site_reads_back
	expect 0 belay status --check
}
