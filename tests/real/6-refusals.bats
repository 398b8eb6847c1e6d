#!/usr/bin/env bats
# What cannot go well is refused with its reason while the real Open WebUI 0.7.2 on PostgreSQL goes on
# serving: one site for all, since nothing of it is touched.

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
		echo "no PostgreSQL server is installed" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	# A disk of the server's own, that can be filled.
	SERVER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/belay-pg.XXXXXX")
	chmod 755 "$SERVER_DIR"
	mount -t tmpfs -o size=1000m,mode=755 tmpfs "$SERVER_DIR" 2>/dev/null || touch "$BATS_FILE_TMPDIR/no-mount"
	echo "SERVER_DIR=$SERVER_DIR" >"$BATS_FILE_TMPDIR/server"
	postgres_start "$SERVER_DIR/server"
	printf 'PG_DIR=%s\nPG_PORT=%s\n' "$PG_DIR" "$PG_PORT" >>"$BATS_FILE_TMPDIR/server"
	SITES=$BATS_FILE_TMPDIR SITE_PG=openwebui
	site_new refuses && site_env real 0.7.2 && site_script "DATABASE_URL=$(postgres_url)" &&
		site_start && site_fill && expect 0 site_adopt
	site_pid >"$SITE/pid"
	site_signature >"$SITE/before"
	cp "$SITE_FILE" "$SITE/as-adopted.conf"
}

teardown_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	[ -e "$BATS_FILE_TMPDIR/server" ] || return 0
	. "$BATS_FILE_TMPDIR/server"
	[ ! -e "$BATS_FILE_TMPDIR/refuses/site.env" ] || { site_use "$BATS_FILE_TMPDIR/refuses" && site_remove; }
	postgres_stop
	! mountpoint -q "$SERVER_DIR" || umount -l "$SERVER_DIR"
	rm -rf "$SERVER_DIR"
}

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	[ ! -s "$BATS_FILE_TMPDIR/why" ] || skip "$(cat "$BATS_FILE_TMPDIR/why")"
	. "$BATS_FILE_TMPDIR/server"
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT="$PG_PORT" PGUSER="$PG_ROLE"
	SITE_PG=openwebui
	site_use "$BATS_FILE_TMPDIR/refuses"
	cat "$SITE/as-adopted.conf" >"$SITE_FILE"
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/other/site.env" ] || { site_use "$BATS_TEST_TMPDIR/other" && site_remove; }
}

databases() {
	psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}%' ORDER BY 1"
}

# The process that served before the first test serves still, from the data that it had.
untouched() {
	[ "$(site_pid)" = "$(cat "$SITE/pid")" ] || complain "another process serves" || return 1
	[ "$(databases)" = "$SITE_PG" ] || complain "left: $(databases)" || return 1
	left=$(find "$SITE" -name '.rehearsal-*' -o -name '*.running' -o -name '*.unpacked')
	[ -z "$left" ] || complain "left: $left" || return 1
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

# refused VERSION PATTERN
refused() {
	expect 3 belay upgrade "$1" --yes
	expect_text err "$2"
	untouched
}

# without PACKAGE: a release is built that lacks it, as with a list of overrides that is wrong.
without() {
	{
		cat "$ROOT/tests/real/slim-overrides.txt"
		echo "$1 ; sys_platform == 'never'"
	} >"$SITE/overrides.txt"
	site_set overrides "$SITE/overrides.txt"
}

@test "0.11.2, which cannot migrate a database by itself: refused by name" {
	refused 0.11.2 'cannot migrate a database by itself'
	[ ! -e "$SITE_ENV.releases/0.11.2" ]
}

@test "a migration that raises half-way: its rehearsal refuses it" {
	patched_wheel "$SITE/wheels"
	refused 0.8.99 'rehearsal of release 0.8.99 failed: .*made to fail by the test'
}

@test "accounts whose addresses differ only in case, for 0.12.4" {
	psql -d "$SITE_PG" -qX <<-'END'
	INSERT INTO "user" SELECT r.* FROM "user" u, jsonb_populate_record(u, jsonb_build_object('id', 'other',
		'email', upper(u.email), 'api_key', NULL, 'oauth_sub', NULL)) r
	END
	expect 3 belay upgrade 0.12.4 --yes
	expect_text err 'e-mail addresses of several accounts'
	expect 3 belay rehearse 0.12.4
	psql -d "$SITE_PG" -qXc "DELETE FROM \"user\" WHERE id = 'other'"
	untouched
	[ ! -e "$SITE_ENV.releases/0.12.4" ]
}

@test "more disk than the database server has" {
	[ ! -e "$BATS_FILE_TMPDIR/no-mount" ] || skip "nothing can be mounted here"
	free=$(df --output=avail -B1 "$SERVER_DIR" | tail -n 1)
	fallocate -l $((free - 250000000)) "$SERVER_DIR/other"
	expect 3 belay upgrade 0.8.0 --yes
	rm "$SERVER_DIR/other"
	expect_text err "file system of '$SERVER_DIR/server/data' has .* free, and .* are needed"
	untouched
}

@test "a migration that waits for another session's lock" {
	site_set migrate_timeout 10
	(
		until [ -n "$(find "$SITE" -name '*.running')" ]; do sleep 0.1; done
		PGAPPNAME=nightly-report exec psql -d "$(databases | grep proof)" -qX \
			-c 'BEGIN' -c 'LOCK TABLE chat IN EXCLUSIVE MODE' -c 'SELECT pg_sleep(600)'
	) >/dev/null 2>&1 3>&- &
	refused 0.8.0 'rehearsal of release 0.8.0 failed: .*waits for database process [0-9]+ \(webui, nightly-report, 127.0.0.1'
}

@test "a release without the site's PostgreSQL driver" {
	site_set extras ''
	without psycopg2-binary
	refused 0.8.0 "driver 'psycopg2' cannot be loaded in the new release"
}

@test "a release without the driver that it alone uses: its rehearsal refuses it" {
	without psycopg
	refused 0.12.4 "rehearsal of release 0.12.4 failed: .*No module named 'psycopg'"
}

@test "a database in SQL_ASCII" {
	# psycopg2 would take its texts for ASCII.
	psql -d postgres -qX -c "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0" \
		-c "ALTER DATABASE ascii SET client_encoding = 'UTF8'"
	url=$(postgres_url)
	SITE_PG=ascii
	site_new other && site_env real 0.7.2 && site_script "DATABASE_URL=${url%/*}/ascii" && site_start &&
		site_fill 1 && expect 0 site_adopt
	site_signature >"$SITE/before"
	site_pid >"$SITE/pid"
	refused 0.8.0 "encoding 'SQL_ASCII', not UTF8"
}
