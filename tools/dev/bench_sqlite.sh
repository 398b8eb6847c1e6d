# bench_sqlite.sh - ./dev bench sqlite: upgrades of a SQLite site with BELAY_BENCH_CHATS (30000) chats of
# eight messages. From BELAY_BENCH_FROM (0.7.2), which waits in the dark while the data is copied and
# migrated, to BELAY_BENCH_BETWEEN (0.9.6), the first that keeps a write-ahead log, and from there, where
# users read on, to BELAY_BENCH_TARGET (0.12.4) and back. Dark is the longest time without an answer of
# /health, asked 20 times a second from outside.

export BELAY_TEST_LIMIT="${BELAY_TEST_LIMIT:-7200}"

# As many_chats of bench.sh, for SQLite.
many_chats_sqlite() {
	sqlite3 "$SITE_DATA/webui.db" >/dev/null <<-END
	PRAGMA busy_timeout = 20000;
	WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1),
		message(m) AS (VALUES (1), (2), (3), (4), (5), (6), (7), (8)),
		word(w) AS (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12))
	INSERT INTO chat (id, user_id, title, archived, created_at, updated_at, pinned, meta, chat)
	SELECT 'bench-' || n, (SELECT id FROM user LIMIT 1), 'chat ' || n, 0, 1760000000, 1760000000, 0, '{}',
		json_object('title', 'chat ' || n, 'history', json_object('currentId', 'm8', 'messages',
			(SELECT json_group_object('m' || m, json_object('id', 'm' || m, 'role',
				CASE m % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'timestamp', 1760000000 + m, 'content',
				(SELECT group_concat(lower(hex(randomblob(16))), ' ') FROM word))) FROM message)))
	FROM number;
	END
}

plain_restart() {
	prober_start "$SITE/dark"
	site_stop
	site_start
	sleep 0.3
	row "  a plain restart of $(site_version): dark" "$(prober_dark) ms"
}

# In milliseconds, 0 where the run had no such step.
steps_ms() {
	jq -rs "[.[] | select(.event == \"step\" and .state == \"done\" and ($1)) | .ms] | add // 0" "$SITE/out"
}

way_up() {
	prober_start "$SITE/dark"
	expect 0 belay --json upgrade "$2" --yes
	sleep 0.3
	row "$1 -> $2: dark" "$(prober_dark) ms"
	row "  by its own account, and predicted" "$(result_of dark_ms) ms, $(result_of rehearsal.predicted.dark_ms) ms"
	row "  read-only by its own account, and predicted" "$(result_of read_only_ms) ms, $(
		result_of rehearsal.predicted.read_only_ms) ms"
	row "  copy and migrations" "$(steps_ms '.id == "copy-database" or .id == "migrate-copy" or .id == "move-data"') ms"
	row "  in all" "$(result_of total_ms) ms"
	jq -r 'select(.event == "step" and .state == "done") | "| \u00a0\u00a0step \(.id) | \(.ms) ms |"' "$SITE/out"
	plain_restart
}

from=${BELAY_BENCH_FROM:-0.7.2}
between=${BELAY_BENCH_BETWEEN:-0.9.6}
target=${BELAY_BENCH_TARGET:-0.12.4}
site_new bench
site_env real "$from"
site_script
site_start
site_fill 3
many_chats_sqlite "${BELAY_BENCH_CHATS:-30000}"
expect 0 site_adopt
row "chats" "$(sqlite3 "$SITE_DATA/webui.db" 'SELECT count(*) FROM chat')"
row "database" "$(stat -c %s "$SITE_DATA/webui.db") bytes"
way_up "$from" "$between"
way_up "$between" "$target"
prober_start "$SITE/dark"
expect 0 belay --json rollback --yes --accept-loss
sleep 0.3
row "$target -> $between, back: dark" "$(prober_dark) ms"
site_reads_back
site_remove
SITE=
