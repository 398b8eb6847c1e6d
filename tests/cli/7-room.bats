#!/usr/bin/env bats
# Not enough disk: found by a check, by the migrations on the copy, or by what they took; always
# before anything is stopped. The site's data lies on a small file system of its own.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/postgres.sh"
	[ "$(id -u)" = 0 ] || skip "only root can mount a file system"
	SMALL=$BATS_TEST_TMPDIR/small
	mkdir "$SMALL"
	mount -t tmpfs -o size="${SMALL_MB:-400}m",mode=755 tmpfs "$SMALL" || skip "nothing can be mounted here"
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
	[ -z "${PG_DIR:-}" ] || postgres_stop
	! mountpoint -q "${SMALL:-/}" || umount -l "$SMALL"
}

# The words are for site_script.
small_site() {
	site_new alpha && site_env standin 0.7.2
	mkdir "$SMALL/data"
	SITE_DATA=$SMALL/data
	echo "SITE_DATA=$SITE_DATA" >>"$SITE/site.env"
	site_script "$@" && site_start && site_fill && expect 0 site_adopt --backup-dir "$SITE/backups"
	site_signature >"$SITE/before"
	PID=$(site_pid)
}

untouched() {
	[ "$(site_pid)" = "$PID" ] || complain "another process serves" || return 1
	[ -z "$(find "$SITE" "$SMALL" -name '.rehearsal-*' -o -name '*belay-proof*' -o -name '*.running')" ] ||
		complain "something is left" || return 1
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "the plan shows what each file system needs and has" {
	small_site
	expect 0 belay --json upgrade 0.8.0 --plan
	tail -n 1 "$SITE/out" | jq -e --arg small "$SMALL" '.plan.disk | length >= 2
		and all(.bytes > 0) and (map(select(.path | startswith($small))) | length == 1
		and .[0].uses.copy > 0 and .[0].uses.rehearsal > 0 and .[0].free_bytes < 420000000)'
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out "$SMALL.* MB .*copy"
	expect 0 belay check 0.8.0
	expect_text out "'$SMALL.* needed, .* free"
}

@test "a disk that is too small from the start: a check says no" {
	small_site
	fallocate -l 200M "$SMALL/other"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "file system of '$SMALL.*' has .* free, and .* are needed"
	untouched
}

@test "migrations that fill the disk: the rehearsal says no" {
	small_site STANDIN_GROWS_MB=500
	expect 3 belay upgrade 0.8.4 --yes
	expect_text err "rehearsal of release 0.8.4 failed.*(disk is full|No space)"
	untouched
}

@test "migrations that would leave too little: the rehearsal's verdict says no" {
	small_site STANDIN_GROWS_MB=160
	expect 3 belay upgrade 0.8.4 --yes
	expect_text err "after the rehearsal.*'$SMALL.*' has .* free, and .* are needed"
	untouched
	# And the next attempt knows it at once.
	! find "$SITE/state/alpha/rehearsals" -name '0.8.4.json' | grep -q . || {
		expect 3 belay check 0.8.4
		expect_text out "'$SMALL.*' has .* free, and .* are needed"
	}
}

@test "the server's disk is asked where it can be seen" {
	pg_installed || skip "no PostgreSQL server is installed"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null || true
	postgres_start "$SMALL/server"
	SITE_PG=openwebui
	site_new alpha && site_env standin 0.7.2
	site_script "DATABASE_URL=$(postgres_url)" && site_start && site_fill && expect 0 site_adopt
	site_signature >"$SITE/before"
	PID=$(site_pid)
	fallocate -l 150M "$SMALL/other"
	expect 3 belay check 0.8.0
	expect_text out "file system of '$SMALL/server/data' has .* free, and .* are needed"
	rm "$SMALL/other"
	expect 0 belay --json upgrade 0.8.0 --plan
	tail -n 1 "$SITE/out" | jq -e --arg small "$SMALL" '.plan.restore | test("pg_restore [0-9.]+ -j [0-9]")'
	tail -n 1 "$SITE/out" | jq -e --arg small "$SMALL" '.plan.disk
		| map(select(.path == $small + "/server/data")) | .[0].uses | .log > 0 and .copy > 0'
	untouched
}

@test "a disk that fills up during a backup: what to type next" {
	standin_site alpha
	site_signature >"$SITE/before"
	PID=$(site_pid)
	site_set backup_dir "$SMALL/backups"
	head -c 1G /dev/zero >"$SMALL/filler" 2>/dev/null || true
	expect 1 belay backup
	expect_text err 'see which file system is full: df -h'
	rm "$SMALL/filler"
	[ -z "$(ls -A "$SMALL/backups" 2>/dev/null)" ] || complain "left: $(ls -A "$SMALL/backups")"
	untouched
	expect 0 belay backup
}
