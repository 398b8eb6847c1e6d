#!/usr/bin/env bats
# A backup set is only as good as its last proof; and a backup yields to the site.

load ../harness/postgres_file

setup() {
	SITE_PG=''
}

result() {
	tail -n 1 "$SITE/out" | jq -e "$1" >/dev/null || {
		tail -n 1 "$SITE/out" | jq . >&2
		complain "not so: $1"
	}
}

# A file that other sets share by hard links is damaged in this set alone.
spoil() {
	cp "$1" "$1.own" && mv "$1.own" "$1"
	printf '\377\377' | dd of="$1" bs=1 seek=8 conv=notrunc status=none
}

@test "SQLite: --newest, --all, one by its name; a damaged set exits 3 with what is wrong" {
	standin_site alpha
	site_signature >"$SITE/before"
	expect 0 belay backup
	good=$(newest_set)
	set_copy "$good" 20270101_120000
	bad=$(newest_set)
	expect 0 belay --json verify --all
	result '.outcome == "verified" and (.sets | length == 2 and all(.proven and (.findings == [])))'
	spoil "$bad/webui.db.zst"
	spoil "$(find "$bad/files/uploads" -type f | head -n 1)"
	expect 3 belay --json verify --newest
	result '.sets | length == 1 and .[0].name == "openwebui_backup_20270101_120000" and (.[0].proven | not)
		and ([.[0].findings[].id] == ["digest", "digest"]) and ([.[0].findings[].text] | all(length > 20))'
	[ "$(jq -c 'select(.event == "check" and .state == "refused")' "$SITE/out" | wc -l)" = 2 ]
	expect 3 belay verify --all
	expect_text out "'$(basename "$good")' is proven"
	expect_text err 'is not proven'
	expect 0 belay verify "$(basename "$good")"
	# The verdict stays where an operator looks.
	expect 0 belay status
	expect_text out "^proven backup +$(basename "$good"), made"
	expect_text out "^newest backup +$(basename "$bad"), made .* not proven: .*SHA-256"
	expect 0 belay --json status
	jq -es --arg bad "$(basename "$bad")" 'last.unproven_backup | .name == $bad and (.findings | length == 2)' "$SITE/out"
	expect 0 belay backups
	expect_text out "$(basename "$bad")"
	rm "$bad/manifest.json"
	expect 3 belay verify "$bad"
	expect_signature "$SITE/before"
	[ "$(ls "$SITE_DATA" | grep -c proof)" = 0 ]
}

by_hand() {
	pg_dump -d "$1" -F c -f "$SITE/start/backups/openwebui_backup_$2.dump"
}

@test "PostgreSQL: dumps made by hand, whole, cut short, and of something else" {
	postgres_of_file_site
	mkdir -p "$SITE/start/backups"
	by_hand "$SITE_PG" 20260101_120000
	expect 0 belay --json verify openwebui_backup_20260101_120000.dump
	result '.sets[0] | .proven and .database_only'
	grep -q 'lacks uploads, vector store, secret key' "$SITE/out"
	expect 0 belay backups
	expect_text out '20260101_120000.dump.*'
	by_hand "$SITE_PG" 20260102_120000
	truncate -s -3000 "$SITE/start/backups/openwebui_backup_20260102_120000.dump"
	expect 3 belay --json verify openwebui_backup_20260102_120000.dump
	result '[.sets[0].findings[].id] == ["restore"]'
	by_hand postgres 20260103_120000
	expect 3 belay --json verify "$SITE/start/backups/openwebui_backup_20260103_120000.dump"
	result '[.sets[0].findings[].id] == ["not-open-webui"]'
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = 1 ]
}

@test "a backup yields: its programs have the lowest priority, and --limit-rate holds" {
	postgres_of_file_site
	head -c 3000000 /dev/urandom >"$SITE_DATA/uploads/large.bin"
	psql -d "$SITE_PG" -qXc "CREATE TABLE large AS SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100000) n"
	"$BELAY" --site "$SITE_FILE" backup --limit-rate 1M >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	pid=$!
	seen=
	while kill -0 "$pid" 2>/dev/null && [ "$seen" != "19 idle" ]; do
		for child in $(pgrep -P "$pid" -x pg_dump); do
			seen="$(ps -o ni= -p "$child" | tr -d ' ') $(ionice -p "$child" 2>/dev/null | cut -d : -f 1)"
		done
		sleep 0.1
	done
	wait "$pid"
	[ "$seen" = "19 idle" ] || complain "seen: '$seen'"
	# 3 MB of files and more of the database, copied once and read again once.
	ms=$(jq -s 'map(select(.event == "run" and .ms != null)) | last | .ms' "$SITE"/state/alpha/runs/*/events.jsonl)
	[ "$ms" -ge 10000 ] || complain "it took only $ms ms"
	expect 2 belay backup --limit-rate fast
	expect_text err "'fast' is not a value for 'limit_rate'"
}
