#!/usr/bin/env bats
# rehearsal_server: backups are proven and upgrades rehearsed on another PostgreSQL server, where the
# site's roles and databases are not. The site's own server has nothing to do with it.

load ../harness/postgres_file

setup_file() {
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || return 0
	# A disk of its own, where one can be had.
	there=$(mktemp -d "${TMPDIR:-/tmp}/belay-pg.XXXXXX")
	chmod 755 "$there"
	mount -t tmpfs -o size=1000m,mode=755 tmpfs "$there" 2>/dev/null || touch "$BATS_FILE_TMPDIR/no-mount"
	postgres_start "$there/server"
	printf 'PG_DIR=%s\nPG_PORT=%s\n' "$PG_DIR" "$PG_PORT" >"$BATS_FILE_TMPDIR/there"
	psql -U postgres -d postgres -qX -c "DROP DATABASE openwebui" -c "DROP ROLE webui" \
		-c "CREATE ROLE tester LOGIN CREATEDB PASSWORD 't3ster-s3cret'"
	postgres_of_file_start
}

teardown_file() {
	postgres_of_file_stop
	[ -e "$BATS_FILE_TMPDIR/there" ] || return 0
	. "$BATS_FILE_TMPDIR/there"
	postgres_stop
	there=$(dirname "$PG_DIR")
	! mountpoint -q "$there" || umount -l "$there"
	rm -rf "$there"
}

setup() {
	postgres_of_file_site
	THERE=$(sed -n 's/^PG_PORT=//p' "$BATS_FILE_TMPDIR/there")
	use_server "postgresql://tester:t3ster-s3cret@127.0.0.1:$THERE/postgres"
	site_signature >"$SITE/before"
	PID=$(site_pid)
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
	[ -z "${THERE:-}" ] || for database in $(there_are); do there "DROP DATABASE $database"; done
}

use_server() {
	site_set rehearsal_server "$1"
	chmod 600 "$SITE_FILE"
}

there() {
	PGUSER=tester PGPASSWORD=t3ster-s3cret psql -p "$THERE" -d postgres -AtXqc "$1"
}

there_are() {
	there "SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template[01])\$' ORDER BY 1"
}

untouched() {
	[ "$(site_pid)" = "$PID" ] || complain "another process serves" || return 1
	[ -z "$(there_are)" ] || complain "left there: $(there_are)" || return 1
	here=$(psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}%'")
	[ "$here" = "$SITE_PG" ] || complain "left: $here" || return 1
	left=$(find "$SITE" -name '.rehearsal-*' -o -name '*.running' -o -name '*.unpacked')
	[ -z "$left" ] || complain "left: $left" || return 1
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "proof and rehearsal happen there, and the plan and the report say so" {
	# Where a migration puts its tables is the application's business there too.
	psql -d "$SITE_PG" -qX -c 'CREATE SCHEMA elsewhere' -c "ALTER ROLE webui IN DATABASE $SITE_PG SET search_path = public, elsewhere"
	site_signature >"$SITE/before"
	PGUSER=postgres psql -d postgres -qX -c "ALTER SYSTEM SET log_statement = 'ddl'" -c 'SELECT pg_reload_conf()' >/dev/null
	expect 0 belay --json rehearse 0.8.0
	tail -n 1 "$SITE/out" | jq -e --arg there "127.0.0.1:$THERE" '.rehearsal | (.server | endswith($there))
		and .wal_bytes > 3000000 and (.disk | map(select(.what == "copy of the database")) | length == 1)' ||
		complain "$(tail -n 1 "$SITE/out")"
	# On the site's server the checks try rights with empty databases; nothing is restored there.
	PGUSER=postgres psql -d postgres -qX -c "ALTER SYSTEM RESET log_statement" -c 'SELECT pg_reload_conf()' >/dev/null
	grep -q '_belay_try_' "$PG_DIR/log"
	! grep -q '_belay_proof_' "$PG_DIR/log" || complain "$(grep _belay_proof_ "$PG_DIR/log")"
	! grep -qF t3ster-s3cret -r "$SITE/state" "$SITE/out" "$SITE/err" ||
		complain "the password of the rehearsal server was written down"
	untouched
	set=$(newest_set)
	jq -e --arg there "127.0.0.1:$THERE" '.proven.how | endswith($there)' "$set/manifest.json"
	expect 0 belay rehearse 0.8.0
	expect_text out "^rehearsed on +PostgreSQL 15.*127.0.0.1:$THERE"
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out "^rehearsed on +PostgreSQL 15.*127.0.0.1:$THERE"
	expect 0 belay check 0.8.0
	expect_text out "server for rehearsals takes the site's database"
	expect 0 belay --json verify --newest
	untouched
}

@test "its disk is another place, and its write-ahead log not the site's" {
	[ ! -e "$BATS_FILE_TMPDIR/no-mount" ] || skip "nothing can be mounted here"
	expect 0 belay --json upgrade 0.8.0 --plan
	folder=$(dirname "$(sed -n 's/^PG_DIR=//p' "$BATS_FILE_TMPDIR/there")")
	tail -n 1 "$SITE/out" | jq -e --arg there "$folder" '.plan.disk
		| (map(select(.path | startswith($there))) | length == 1 and .[0].uses.rehearsal > 0 and .[0].uses.log > 0 and .[0].uses.copy == null)
		and (map(select(.uses.copy > 0)) | length == 1 and .[0].uses.rehearsal == null and .[0].uses.log > 0)' ||
		complain "$(tail -n 1 "$SITE/out" | jq .plan.disk)"
	expect 0 belay --json backup
	untouched
}

@test "an upgrade through it" {
	expect 0 belay --json upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	[ -z "$(there_are)" ] || complain "left there: $(there_are)"
	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
}

@test "KILL in the middle: the next rehearsal removes what is left there" {
	BELAY_FAULT=kill@daemon-start:2 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(there_are | grep -c _belay_proof_)" = 1 ] || complain "nothing was left: $(there_are)"
	expect 0 belay resume --undo --yes
	untouched
	BELAY_FAULT=kill@after-apply:3 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(there_are | grep -c _belay_proof_)" = 1 ] || complain "nothing was left: $(there_are)"
	expect 0 belay resume --finish --yes
	untouched
}

@test "KILL, and then the site file names it no more: said, and not in the way of anything" {
	BELAY_FAULT=kill@daemon-start:2 belay rehearse 0.8.0
	[ "$status" = 137 ]
	use_server ''
	expect 0 belay resume --undo --yes
	expect_text err "scratch database '.*_belay_proof_.*' on '127.0.0.1:$THERE'"
	expect 0 belay rehearse 0.8.0
	expect_text err "scratch database '.*_belay_proof_.*' on '127.0.0.1:$THERE'"
	use_server "postgresql://tester:t3ster-s3cret@127.0.0.1:$THERE/postgres"
	expect 0 belay prune --yes
	untouched
}

refused() {
	expect 3 belay check 0.8.0
	expect_text out "$1"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "$1"
	! grep -qF s3cret "$SITE/out" "$SITE/err" || false
}

@test "a server that does not do is refused by a check" {
	use_server "postgresql://tester:t3ster-s3cret@127.0.0.1:1/postgres"
	refused "rehearsal_server '127.0.0.1:1'"
	expect 1 belay backup
	use_server "postgresql://tester:wrong-s3cret@127.0.0.1:$THERE/postgres"
	refused "rehearsal_server '127.0.0.1:$THERE'.*password"
	use_server "postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/postgres"
	refused "it is the server of the site's own database"
	use_server "postgresql://tester:t3ster-s3cret@127.0.0.1:$THERE/postgres"
	PGUSER=postgres psql -p "$THERE" -d postgres -qXc 'ALTER ROLE tester NOCREATEDB'
	expect 3 belay check
	PGUSER=postgres psql -p "$THERE" -d postgres -qXc 'ALTER ROLE tester CREATEDB'
	expect_text out 'ALTER ROLE "tester" CREATEDB'
	PGUSER=postgres psql -d "$SITE_PG" -qXc 'CREATE EXTENSION pageinspect'
	expect 3 belay check
	expect_text out "may not make the extension 'pageinspect'"
	PGUSER=postgres psql -d "$SITE_PG" -qXc 'DROP EXTENSION pageinspect'
	untouched
}

@test "a SQLite site, and a URL that is none: wrong keys" {
	use_server "mysql://tester@127.0.0.1/x"
	expect 2 belay status
	expect_text err "rehearsal_server"
	site_remove
	SITE_PG=
	standin_site beta
	use_server "postgresql://tester@127.0.0.1:$THERE/postgres"
	expect 2 belay status
	expect_text err "'rehearsal_server' does not go with a SQLite database"
	THERE=
}
