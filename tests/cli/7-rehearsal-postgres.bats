#!/usr/bin/env bats
# Rehearsals on PostgreSQL: what could go wrong there is found before anything is stopped, and the
# server has nothing of it afterwards.

load ../harness/postgres_file

setup() {
	postgres_of_file_site
	site_signature >"$SITE/before"
	PID=$(site_pid)
}

databases() {
	psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}%' ORDER BY 1"
}

untouched() {
	[ "$(site_pid)" = "$PID" ] || complain "another process serves" || return 1
	[ "$(databases)" = "$SITE_PG" ] || complain "left: $(databases)" || return 1
	[ -z "$(find "$SITE" -name '.rehearsal-*' -o -name '*.running' -o -name '*.unpacked')" ] ||
		complain "left: $(find "$SITE" -name '.rehearsal-*' -o -name '*.running')" || return 1
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

@test "what the proof restored is rehearsed on: the backup is restored once" {
	expect 0 belay --json rehearse 0.8.0
	[ "$(grep -c pg_restore "$SITE"/state/alpha/runs/*/commands.log)" = 1 ]
	! grep -q 'restoring the backup set for the rehearsal' "$SITE/out" || false
	tail -n 1 "$SITE/out" | jq -e '.rehearsal.copy_ms > 0 and .rehearsal.wal_bytes > 0 and .rehearsal.checkpoints >= 0 and .rehearsal.bytes_before > 0'
	untouched
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out '^write-ahead log, as rehearsed +[0-9.]+ [kM]B, checkpoints: [0-9]+'
}

@test "saving would be refused for longer than the site file allows" {
	sed -i 's/^\[upgrade\]$/[upgrade]\nmax_read_only = 0.001/' "$SITE_FILE"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'max_read_only'
	untouched
	sed -i 's/^max_read_only .*/max_read_only = 600/' "$SITE_FILE"
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	expect 0 belay rollback --yes
}

@test "KILL before a scratch database has its mark: resume removes it all the same" {
	BELAY_FAULT=kill@pg-comment belay backup
	[ "$status" = 137 ]
	[ "$(databases | grep -c proof)" = 1 ] || complain "nothing was made: $(databases)"
	expect 0 belay resume --undo --yes
	untouched
}

@test "KILL between proof and rehearsal: resume removes what the proof kept" {
	BELAY_FAULT=kill@after-apply:3 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(databases | grep -c proof)" = 1 ] || complain "the proof kept nothing: $(databases)"
	expect 0 belay resume --undo --yes
	untouched
}

@test "KILL between proof and rehearsal, finished: the rehearsal takes what is there" {
	BELAY_FAULT=kill@after-apply:3 belay rehearse 0.8.0
	[ "$status" = 137 ]
	expect 0 belay --json resume --finish --yes
	! grep -q 'restoring the backup set for the rehearsal' "$SITE/out" || false
	untouched
}

@test "KILL in the rehearsal, finished: a copy that was begun on is not used again" {
	# The first start is of the release that serves, the second of the target: after its migrations.
	BELAY_FAULT=kill@daemon-start:2 belay rehearse 0.8.0
	[ "$status" = 137 ]
	[ "$(databases | grep -c proof)" = 1 ] || complain "nothing to take: $(databases)"
	expect 0 belay --json resume --finish --yes
	grep -q 'restoring the backup set for the rehearsal' "$SITE/out"
	untouched
}

# Every row of the database with what PostgreSQL knows of it, catalogs included, and its counters of
# rows written. Sequences and large objects are rows of tables, too.
everything() {
	PGUSER=postgres psql -d "$SITE_PG" -AtXq -v ON_ERROR_STOP=1 <<-'END'
	SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(concat_ws('' '', ctid, xmin, xmax, %s), '','' ORDER BY ctid), '''')) FROM %s t',
		c.oid::regclass,
		(SELECT string_agg(format('md5(%I::text)', attname), ', ' ORDER BY attnum) FROM pg_attribute
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), c.oid::regclass)
	FROM pg_class c WHERE relkind IN ('r', 't', 'm', 'S') AND NOT relisshared ORDER BY c.oid::regclass::text
	\gexec
	SELECT tup_inserted, tup_updated, tup_deleted FROM pg_stat_database WHERE datname = current_database();
	END
}

@test "a rehearsal changes no row and no catalog entry of the site's database" {
	PGUSER=postgres psql -d postgres -qXc 'ALTER SYSTEM SET autovacuum = off' -c 'SELECT pg_reload_conf()' >/dev/null
	site_reads_back
	sleep 11 # an idle session may keep what it counted for 10 s (PGSTAT_IDLE_INTERVAL)
	everything >"$SITE/rows.before"
	[ "$(wc -l <"$SITE/rows.before")" -gt 100 ]
	expect 0 belay rehearse 0.8.0
	everything >"$SITE/rows.after"
	PGUSER=postgres psql -d postgres -qXc 'ALTER SYSTEM RESET autovacuum' -c 'SELECT pg_reload_conf()' >/dev/null
	diff "$SITE/rows.before" "$SITE/rows.after" || complain "the rehearsal wrote into the site's database"
	# The comparison sees a single row that is written as it was.
	psql -d "$SITE_PG" -qXc 'UPDATE "user" SET name = name'
	everything >"$SITE/rows.after"
	! cmp -s "$SITE/rows.before" "$SITE/rows.after" || false
}

@test "a migration that waits for another session's lock: its time limit, and whose lock it was" {
	(
		until [ -n "$(find "$SITE" -name '*.running')" ]; do sleep 0.1; done
		PGAPPNAME=nightly-report exec psql -d "$(databases | grep proof)" -qX \
			-c 'BEGIN' -c 'LOCK TABLE chat IN SHARE MODE' -c 'SELECT pg_sleep(300)'
	) >/dev/null 2>&1 3>&- &
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'waits for database process [0-9]+ \(webui, nightly-report, 127.0.0.1'
	untouched
}

@test "a release without the PostgreSQL driver" {
	# Neither asked for nor to be had; else belay carries over what the old release has.
	cp -al "$CACHE/wheelhouse" "$SITE/wheels"
	rm "$SITE/wheels"/psycopg2*
	sed -i '/^extras *=/d; /^wheels *=/d' "$SITE_FILE"
	sed -i "s|^\[upgrade\]\$|[upgrade]\nextras =\nwheels = $SITE/wheels|" "$SITE_FILE"
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "driver 'psycopg2' cannot be loaded"
	untouched
}

@test "a database in SQL_ASCII" {
	site_remove
	psql -d postgres -qXc "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
	SITE_PG=ascii
	standin_site beta "${PG_WORDS%/*}/ascii?client_encoding=utf8"
	site_signature >"$SITE/before"
	PID=$(site_pid)
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "encoding 'SQL_ASCII', not UTF8"
	untouched
	expect 3 belay rehearse 0.8.0
	untouched
}
