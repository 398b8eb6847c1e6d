#!/usr/bin/env bats
# The real Open WebUI 0.7.2 with PostgreSQL in a Docker container, to 0.8.0 and back.

setup_file() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/lib.sh"
	if ! docker_ready >"$BATS_FILE_TMPDIR/why" 2>&1; then
		return 0
	fi
	container_start "belay-test-$$" >"$BATS_FILE_TMPDIR/start" 2>&1 || {
		cat "$BATS_FILE_TMPDIR/start" >&3
		return 1
	}
	printf 'PG_CONTAINER=%s\nPG_PORT=%s\n' "$PG_CONTAINER" "$PG_PORT" >"$BATS_FILE_TMPDIR/container"
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/container" ] || {
		. "$BATS_FILE_TMPDIR/container"
		docker rm -fv "$PG_CONTAINER" >/dev/null
	}
}

setup() {
	ROOT=$BATS_TEST_DIRNAME/../..
	. "$BATS_TEST_DIRNAME/lib.sh"
	[ -e "$BATS_FILE_TMPDIR/container" ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/why")"
	. "$BATS_FILE_TMPDIR/container"
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT="$PG_PORT" PGUSER="$PG_ROLE"
	SITE_PG=db_$BATS_TEST_NUMBER
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG"
}

teardown() {
	for dir in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$dir/site.env" ] || { site_use "${dir%/}" && site_remove; }
	done
}

url() {
	echo "postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/$SITE_PG"
}

real_site() {
	site_new alpha && site_env real 0.7.2 && site_script "$@" && site_start && site_fill && expect 0 site_adopt
}

@test "0.7.2 -> 0.8.0 -> rollback; no secret anywhere" {
	real_site "DATABASE_URL=$(url)"
	expect_text out "$PG_CONTAINER"
	argv_watch
	up_and_back
	argv_watch_end
	no_secret_left "$PG_PASSWORD" "$PG_PASSWORD_URL"
	# The new database is kept, and nothing else was left behind.
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 2 ]
}

# Open WebUI puts the password of the parts into a URL as it is, so it must be plain there.
plain_role() {
	psql -d postgres -qX -c "DROP ROLE IF EXISTS plain" -c "CREATE ROLE plain LOGIN CREATEDB PASSWORD 'plain-s3cret'" \
		-c "ALTER DATABASE $SITE_PG OWNER TO plain"
	export PGUSER=plain PGPASSWORD=plain-s3cret
}

@test "DATABASE_* parts in the environment: the live database sees nothing of the migration" {
	plain_role
	real_site DATABASE_URL=sqlite:////nonexistent/decoy.db DATABASE_TYPE=postgresql DATABASE_USER=plain \
		DATABASE_PASSWORD=plain-s3cret DATABASE_HOST=127.0.0.1 "DATABASE_PORT=$PG_PORT" "DATABASE_NAME=$SITE_PG"
	up_and_back
	no_secret_left plain-s3cret
	psql -d postgres -qXc "REASSIGN OWNED BY plain TO $PG_ROLE" 2>/dev/null || true
}

@test "DATABASE_* parts in .env, data inside the environment" {
	plain_role
	site_new alpha && site_env real 0.7.2 && site_script inside
	cat >"$SITE_ENV/lib/$(ls "$SITE_ENV/lib")/.env" <<-END
	DATABASE_TYPE=postgresql
	DATABASE_USER=plain
	DATABASE_PASSWORD=plain-s3cret
	DATABASE_HOST=127.0.0.1
	DATABASE_PORT=$PG_PORT
	DATABASE_NAME=$SITE_PG
	END
	site_start && site_fill && expect 0 site_adopt
	up_and_back
	no_secret_left plain-s3cret
}

@test "a migration that raises half-way: exit 4, the database as before" {
	real_site "DATABASE_URL=$(url)"
	site_signature >"$SITE/before"
	patched_wheel "$SITE/wheels"
	expect 4 belay upgrade 0.8.99 --skip-rehearsal --yes
	expect_text err 'made to fail by the test'
	site_reads_back
	expect_signature "$SITE/before"
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 1 ]
}

@test "killed in the dark, the start script starts nothing, resumed both ways" {
	real_site "DATABASE_URL=$(url)"
	site_signature >"$SITE/before"
	for way in --undo --finish; do
		BELAY_FAULT=kill@pg-exchange-commit belay upgrade 0.8.0 --yes
		[ "$status" = 137 ] || complain "not killed: $status" "$(cat "$SITE/err")"
		[ -z "$(site_pid)" ]
		bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
		sleep 3
		[ -z "$(site_pid)" ]
		expect 0 belay resume $way --yes
		site_reads_back
		expect 0 belay status --check
		[ $way = --finish ] || expect_signature "$SITE/before"
	done
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
}

# Of the site only the set is left.
lose_everything() {
	site_stop
	rm -rf "$SITE/env" "$SITE/env.releases" "$SITE/data" "$SITE/start" "$SITE/state" "$SITE_FILE"
	psql -d postgres -qXc "DROP DATABASE $SITE_PG"
}

# It is the site that was backed up, and its tables are those of the manifest.
is_back() {
	[ "$(site_version)/$(site_revision)" = 0.7.2/c440947495f3 ] && site_reads_back || return 1
	site_dump >"$SITE/after.sql"
	diff "$SITE/before.sql" "$SITE/after.sql" >&2 || complain "the database is not what it was"
}

@test "a set is enough on a machine that has nothing of the site: with belay, and by typing RESTORE.md" {
	real_site "DATABASE_URL=$(url)"
	expect 0 belay backup
	set=$BATS_TEST_TMPDIR/$(basename "$(ls -d "$SITE/start/backups"/openwebui_backup_*)")
	mv "$SITE/start/backups/$(basename "$set")" "$set"
	site_dump >"$SITE/before.sql"
	lose_everything
	expect 0 belay restore "$set" --yes --watch 0 --overrides "$ROOT/tests/real/slim-overrides.txt"
	is_back
	expect 0 belay status --check
	expect 0 belay backup
	for member in tables sequences; do
		diff <(jq -S ".database.$member | del(.user)" "$set/manifest.json") \
			<(jq -S ".database.$member | del(.user)" "$SITE"/start/backups/*/manifest.json) >&2
	done

	lose_everything
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$set/RESTORE.md" |
		sed "1s|^cd .*/$(basename "$set")\$|cd $set|" >"$SITE/typed.sh"
	(cd / && bash -e "$SITE/typed.sh") >"$SITE/typed.out" 2>&1 </dev/null 3>&- || complain "$(cat "$SITE/typed.out")"
	site_wait
	is_back
}
