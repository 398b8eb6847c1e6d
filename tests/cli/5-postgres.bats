#!/usr/bin/env bats
# The way up and back on PostgreSQL, with the stand-in and a server on this host.

load ../harness/postgres_file

databases() {
	psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'"
}

@test "upgrade to 0.8.0 and back: everything reads back, the database is what it was" {
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
	site_reads_back
	expect 0 belay status
	expect_text out PostgreSQL
	expect 0 belay rollback --yes
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
	! grep -rlF -e "$PG_PASSWORD" -e "$PG_PASSWORD_URL" "$SITE/state" "$SITE/out" "$SITE/err" | grep -v '/recipe.json$' || false
}

@test "what users wrote after the upgrade is counted before it is left behind" {
	expect 0 belay upgrade 0.8.0 --yes
	api_json POST /api/v1/chats/new "$(chat_text 9)" >/dev/null
	expect 3 belay rollback --yes
	cat "$SITE/out" "$SITE/err" | tee /dev/stderr | grep -q chat
	[ "$(site_version)" = 0.8.0 ]
	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
}

@test "a migration that raises half-way: exit 4, undone, nothing left" {
	expect 4 belay upgrade 0.8.1 --skip-rehearsal --yes
	site_reads_back
	expect_signature "$SITE/before"
	[ "$(databases)" = 1 ]
}

@test "a release that dies while it starts: exit 4, undone, nothing left" {
	expect 4 belay upgrade 0.8.7 --skip-rehearsal --yes
	site_reads_back
	expect_signature "$SITE/before"
}

@test "killed in the dark, then the start script, then resume both ways" {
	for way in --undo --finish; do
		# Before the databases change places, and after it, when the link has not.
		point=pg-exchange-commit
		[ $way = --undo ] || point=link-rename:2
		BELAY_FAULT=kill@$point belay upgrade 0.8.0 --yes
		[ "$status" = 137 ]
		[ -z "$(site_pid)" ] || complain "it was not dark yet"
		bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
		sleep 1.5
		[ -z "$(site_pid)" ]
		expect 0 belay resume $way --yes
		site_reads_back
		expect 0 belay status --check
		[ $way = --finish ] || expect_signature "$SITE/before"
	done
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
}

@test "a role that may not create databases: exit 3 with the line to type" {
	PGUSER=postgres psql -d postgres -qXc "ALTER ROLE $PG_ROLE NOCREATEDB"
	belay upgrade 0.8.0 --yes
	refused=$status
	PGUSER=postgres psql -d postgres -qXc "ALTER ROLE $PG_ROLE CREATEDB"
	[ "$refused" = 3 ]
	cat "$SITE/out" "$SITE/err" | grep -F "ALTER ROLE"
	site_reads_back
	expect_signature "$SITE/before"
}

@test "a wrong password, a server that is down: one clear error, nothing touched" {
	PGUSER=postgres psql -d postgres -qX -v pw=other <<-END
	ALTER ROLE $PG_ROLE PASSWORD :'pw';
	END
	pid=$(site_pid)
	belay upgrade 0.8.0 --yes
	wrong=$status
	PGUSER=postgres psql -d postgres -qX -v pw="$PG_PASSWORD" <<-END
	ALTER ROLE $PG_ROLE PASSWORD :'pw';
	END
	[ "$wrong" = 1 ] || [ "$wrong" = 3 ]
	grep -q password "$SITE/err"
	! grep -qF "$PG_PASSWORD" "$SITE/err" || false
	[ "$(site_pid)" = "$pid" ]
}
