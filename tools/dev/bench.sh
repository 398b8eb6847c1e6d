# bench.sh - ./dev bench: the figures of docs/benchmarks.md, on this machine.
#
#   ./dev bench            status, size, an upgrade of a small real site
#   ./dev bench backup     a PostgreSQL site of BELAY_BENCH_CHATS (30000) chats against the procedure
#   ./dev bench upgrade    the same for upgrade and rollback, see tools/dev/bench_upgrade.sh
#   ./dev bench sqlite     SQLite: dark from an old release, read-only from a newer one, and back
#   ./dev bench compose    a service of a compose project, against docker stop and start
#   ./dev bench clients    four users at work all through both: nothing that was acknowledged is lost
#   ./dev bench frozen     what releases answer while their database is frozen

need build test
need_python
. tests/harness/site.sh
. tests/harness/postgres.sh
build_into build-release --buildtype=release -Dtests=false
BELAY=$ROOT/build-release/src/cli/belay
SITES=$(mktemp -d "${TMPDIR:-/tmp}/belay-bench.XXXXXX")
chmod 755 "$SITES"
SITE=
PG_CONTAINER=
clean_up() {
	[ -z "$SITE" ] || site_remove
	[ -z "$PG_CONTAINER" ] || docker rm -fv "$PG_CONTAINER" >/dev/null 2>&1 || true
	rm -rf "$SITES"
	engine_stop
}
. tools/dev/engine.sh
trap clean_up EXIT
trap 'exit 130' INT TERM

now_ms() {
	date +%s%3N
}
row() {
	printf '| %s | %s |\n' "$1" "$2"
}

# The median of 21 runs in milliseconds, and the largest memory in MiB.
measure_status() {
	"$PYTHON" - "$BELAY" --site "$SITE_FILE" status <<-'END'
	import resource, statistics, subprocess, sys, time
	times = []
	for _ in range(21):
	    began = time.perf_counter()
	    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
	    times.append((time.perf_counter() - began) * 1000)
	peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
	print(f"{statistics.median(times):.1f} ms, {peak:.1f} MiB")
	END
}

result_of() {
	jq -rs "last | .$1" "$SITE/out"
}

step_ms() {
	jq -r "select(.event == \"step\" and .state == \"done\" and .id == \"$1\") | .ms" "$SITE/out"
}

small_site() {
	site_new bench
	site_env real 0.7.2
	site_script
	site_start
	site_fill 20
	expect 0 site_adopt
	row "belay status, median of 21" "$(measure_status)"
	prober_start "$SITE/dark"
	began=$(now_ms)
	expect 0 belay --json upgrade 0.8.0 --yes
	row "0.7.2 -> 0.8.0, SQLite, in all" "$(($(now_ms) - began)) ms"
	row "  dark, as seen from outside (20 Hz)" "$(prober_dark) ms"
	row "  dark, by belay's own account" "$(result_of dark_ms) ms"
	row "  migrations" "$(jq -rs 'last | [.migrations[].ms] | add' "$SITE/out") ms"
	prober_start "$SITE/dark"
	expect 0 belay --json rollback --yes --accept-loss
	row "rollback, dark as seen from outside" "$(prober_dark) ms"
	# What nobody can do without: a plain stop and start of the same server.
	prober_start "$SITE/dark"
	site_stop
	site_start
	sleep 0.3
	row "  a plain restart of 0.7.2 by hand" "$(prober_dark) ms"
	site_remove
	SITE=
}

# Chats of eight messages, made by SQL: sending them one by one would take longer than all the rest.
many_chats() {
	psql -d "$SITE_PG" -qXv n="$1" <<-'END'
	INSERT INTO chat (id, user_id, title, archived, created_at, updated_at, pinned, meta, chat)
	SELECT 'bench-' || n, (SELECT id FROM "user" LIMIT 1), 'chat ' || n, false, 1760000000, 1760000000, false, '{}',
		json_build_object('title', 'chat ' || n, 'history', json_build_object('currentId', 'm8', 'messages',
			(SELECT json_object_agg('m' || m, json_build_object('id', 'm' || m, 'role',
				CASE m % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'timestamp', 1760000000 + m, 'content',
				(SELECT string_agg(md5((n * 100 + m * 10 + w)::text), ' ') FROM generate_series(1, 12) w)))
			 FROM generate_series(1, 8) m)))
	FROM generate_series(1, :n) n
	END
}

big_backup() {
	engine_start
	docker_ready || die "the backup is measured against a container"
	container_start "belay-bench-$$"
	SITE_PG=openwebui
	site_new bench
	site_env real 0.7.2
	site_script "DATABASE_URL=$(postgres_url)"
	site_start
	site_fill 3
	many_chats "${BELAY_BENCH_CHATS:-30000}"
	expect 0 site_adopt
	row "database" "$(psql -d "$SITE_PG" -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
	began=$(now_ms)
	docker exec "$PG_CONTAINER" pg_dump -U "$PG_ROLE" -d "$SITE_PG" -F c -f /tmp/backup.dump
	docker cp -q "$PG_CONTAINER:/tmp/backup.dump" "$SITE/by-hand.dump" 2>/dev/null ||
		docker cp "$PG_CONTAINER:/tmp/backup.dump" "$SITE/by-hand.dump"
	row "pg_dump -F c in the container, docker cp" "$(($(now_ms) - began)) ms, $(stat -c %s "$SITE/by-hand.dump") bytes"
	# belay's own memory; pg_dump and the release have theirs.
	printf '#!/bin/sh\nexec "%s" "%s" "%s" "%s" "$@"\n' "$PYTHON" "$ROOT/tests/harness/peak.py" "$SITES/peak" "$BELAY" \
		>"$SITES/measured"
	chmod +x "$SITES/measured"
	BELAY=$SITES/measured
	began=$(now_ms)
	expect 0 belay --json backup
	row "belay backup, proof included" "$(($(now_ms) - began)) ms, $(stat -c %s "$SITE"/start/backups/*/database.dump.zst) bytes"
	row "  of that the backup itself" "$(step_ms make-backup) ms"
	row "  and its proof" "$(step_ms prove-backup) ms"
	row "  belay's memory at its largest" "$(cat "$SITES/peak") kB"
	# As on a host that has no pg_dump of its own: the one in the container, through the engine.
	printf '#!/bin/sh\nexec unshare -m sh -c '"'"'mount -t tmpfs tmpfs /usr/lib/postgresql &&
		mount --bind /dev/null /usr/bin/pg_dump && exec "$@"'"'"' sh "%s" "$@"\n' \
		"$ROOT/build-release/src/cli/belay" >"$SITES/alone"
	chmod +x "$SITES/alone"
	BELAY=$SITES/alone
	expect 0 belay --json backup
	row "  the backup itself through the container alone" "$(step_ms make-backup) ms"
	BELAY=$SITES/measured
	expect 0 belay --json rehearse 0.8.0
	row "belay rehearse 0.8.0, its memory at its largest" "$(cat "$SITES/peak") kB"
}

echo "$(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(. /etc/os-release && echo "$PRETTY_NAME")"
echo
row what measured
row --- ---
cp "$BELAY" "$SITES/stripped" && strip "$SITES/stripped"
row "binary, stripped" "$(stat -c %s "$SITES/stripped") bytes"
case ${1:-} in
backup) big_backup ;;
upgrade) . tools/dev/bench_upgrade.sh ;;
sqlite) . tools/dev/bench_sqlite.sh ;;
compose) . tools/dev/bench_compose.sh ;;
clients) . tools/dev/bench_clients.sh ;;
frozen) . tools/dev/bench_frozen.sh ;;
*) small_site ;;
esac
