# bench_upgrade.sh - ./dev bench upgrade: the procedure by hand and belay, on the same data in the same
# run: PostgreSQL in a container, 0.7.2 to BELAY_BENCH_TARGET (0.12.4) and back, for each number of
# chats of eight messages in BELAY_BENCH_CHATS (30000). Dark is the longest time without an answer of
# /health, asked 20 times a second from outside.
#
# BELAY_BENCH_KIND=real   environments without the heavy optional packages; by hand uv installs
# BELAY_BENCH_KIND=full   open-webui[all], 7 GB, installed with pip as the procedure has it
# BELAY_BENCH_ONLY=belay  nothing by hand; =hand: nothing with belay
# BELAY_BENCH_ROUNDS=N    so many upgrades with belay, for what was predicted against what it took
# BELAY_BENCH_TSV=FILE    a line for tools/plot-dark is added to it
#
# What the rehearsal predicted stands beside what the upgrade then took: times, and disk by what uses it.

target=${BELAY_BENCH_TARGET:-0.12.4}
# An upgrade of many chats takes its time, the more so beside other work.
export BELAY_TEST_LIMIT="${BELAY_TEST_LIMIT:-7200}"
kind=${BELAY_BENCH_KIND:-real}

# measured NAME TEXT MS: a row now, and a figure for the line of the file.
measured() {
	row "$2" "$3 ms"
	echo "$1=$3" >>"$SITES/figures"
}
figure() {
	sed -n "s/^$1=//p" "$SITES/figures"
}

# foretold TEXT PREDICTED MEASURED UNIT: how far the one was from the other.
foretold() {
	row "$1" "$(awk -v p="$2" -v m="$3" -v unit="$4" 'BEGIN {
		if (m > 0) printf "predicted %.0f %s, measured %.0f %s: %.2f of it", p, unit, m, unit, p / m
		else printf "predicted %.0f %s, measured 0", p, unit }')"
}

# What the server keeps on its disk, in bytes: databases, write-ahead log. The longest line of the log
# is its largest size, since it is cut back afterwards.
server_disk() {
	docker exec "$PG_CONTAINER" sh -c 'cd /var/lib/postgresql/data && du -sb base pg_wal' | cut -f 1 | tr '\n' ' '
}
server_watch() {
	while sleep 1; do server_disk && echo; done >"$SITES/server-disk" 2>/dev/null &
	SERVER_WATCH=$!
}
server_watch_end() {
	kill "$SERVER_WATCH"
	wait "$SERVER_WATCH" 2>/dev/null || true
}
largest_log() {
	awk '$2 > most { most = $2 } END { print most }' "$SITES/server-disk"
}
megabytes() {
	awk -v bytes="$1" 'BEGIN { print bytes / 1000000 }'
}
# disk_foretold TEXT PREDICTED MEASURED, in bytes.
disk_foretold() {
	foretold "$1" "$(megabytes "$2")" "$(megabytes "$3")" MB
}
planned_for() {
	jq -rs "last | [.plan.disk[].uses.$1 // 0] | add" "$SITE/plan"
}
folder_bytes() {
	du -sb "$1" 2>/dev/null | cut -f 1
}

# A site of its own on a copy of the data; SITE_PG names its database.
bench_site() {
	SITE_PG=$1_$chats
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG TEMPLATE data_$chats"
	site_new "$SITE_PG"
	site_env "$kind" 0.7.2
	site_script "DATABASE_URL=postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/$SITE_PG"
	site_start
}

# Both unlink what they replace, so the template that the environment is hard-linked to stays whole.
install_by_hand() {
	if [ "$kind" = full ]; then
		"$SITE_ENV/bin/python" -m pip install -q --disable-pip-version-check "open-webui[all]==$1"
	else
		uv pip install -q -p "$SITE_ENV/bin/python" --compile-bytecode \
			--override "$ROOT/tests/real/slim-overrides.txt" "open-webui[postgres]==$1" beautifulsoup4 pytz
	fi
}

by_hand() {
	bench_site by_hand
	prober_start "$SITE/dark"
	site_stop
	docker exec "$PG_CONTAINER" pg_dump -U "$PG_ROLE" -d "$SITE_PG" -F c -f /tmp/by-hand.dump
	docker cp "$PG_CONTAINER:/tmp/by-hand.dump" "$SITE/by-hand.dump" >/dev/null
	install_by_hand "$target"
	(cd / && exec setsid bash "$SITE/start/start_openwebui.sh") </dev/null >/dev/null 2>&1 3>&- &
	site_wait 7200
	sleep 0.3
	measured hand_up "by hand, up: dark" "$(prober_dark)"

	prober_start "$SITE/dark"
	site_stop
	install_by_hand 0.7.2
	dropdb "$SITE_PG"
	createdb "$SITE_PG"
	docker cp "$SITE/by-hand.dump" "$PG_CONTAINER:/tmp/by-hand.dump" >/dev/null
	docker exec "$PG_CONTAINER" pg_restore -U "$PG_ROLE" -d "$SITE_PG" /tmp/by-hand.dump
	site_start
	sleep 0.3
	measured hand_back "by hand, back: dark" "$(prober_dark)"

	prober_start "$SITE/dark"
	site_stop
	site_start
	sleep 0.3
	measured restart "a plain restart of 0.7.2: dark" "$(prober_dark)"
	site_remove
	dropdb "$SITE_PG"
}

# Databases and what stays of them: the old one is kept, so all of the new one is growth.
show_disk() {
	set -- $disk_before $(server_disk)
	disk_foretold "  disk: databases" "$(result_of 'rehearsal.bytes_after')" "$(($3 - $1))"
	row "  disk: write-ahead log, written / kept" "$(megabytes "$(result_of 'rehearsal.wal_bytes')") MB in the rehearsal; $(
		megabytes "$2") MB before, $(megabytes "$(largest_log)") MB at most"
	disk_foretold "  disk: release" "$(planned_for release)" "$(folder_bytes "$SITE_ENV.releases/$target")"
	disk_foretold "  disk: backup set" "$(planned_for backup)" "$(folder_bytes "$SITE/start/backups")"
	disk_foretold "  disk: vector store" "$(planned_for vectors)" "$(folder_bytes "$SITE_DATA/vector_db")"
}

waits_foretold() {
	foretold "  dark" "$(result_of rehearsal.predicted.dark_ms)" "$(result_of dark_ms)" ms
	foretold "  read-only" "$(result_of rehearsal.predicted.read_only_ms)" "$(result_of read_only_ms)" ms
}

# Beside other work one run says little: the same again, from the rehearsal on.
once_more() {
	row "once more, load average" "$(cut -d ' ' -f 1 /proc/loadavg)"
	expect 0 belay --json upgrade "$target" --yes
	waits_foretold
	row "  load average now" "$(cut -d ' ' -f 1 /proc/loadavg)"
	expect 0 belay --json rollback --yes --accept-loss
}

with_belay() {
	bench_site with_belay
	expect 0 site_adopt
	expect 0 belay --json upgrade "$target" --plan
	cp "$SITE/out" "$SITE/plan"
	psql -d postgres -qXc CHECKPOINT
	disk_before=$(server_disk)
	server_watch
	prober_start "$SITE/dark"
	expect 0 belay --json upgrade "$target" --yes
	sleep 0.3
	measured belay_up "belay, up: dark" "$(prober_dark)"
	server_watch_end
	measured own_dark "  by its own account" "$(result_of dark_ms)"
	waits_foretold
	measured total "  in all" "$(result_of total_ms)"
	show_disk
	row "  terms of the prediction" "$(result_of rehearsal.predicted.terms | jq -c .)"
	row "  of the rehearsal" "$(result_of rehearsal | jq -c '{copy_ms, migrate_ms, verify_ms, boot_ms, bytes_before, bytes_after, wal_bytes}')"
	jq -r 'select(.event == "step" and .state == "done") | "| \u00a0\u00a0step \(.id) | \(.ms) ms |"' "$SITE/out"
	jq -r 'select(.event == "notice" or .event == "warning") | "| \u00a0\u00a0\(.id) | \(.text) |"' "$SITE/out"
	prober_start "$SITE/dark"
	site_stop
	site_start
	sleep 0.3
	measured restart_new "a plain restart of $target: dark" "$(prober_dark)"
	prober_start "$SITE/dark"
	expect 0 belay --json rollback --yes --accept-loss
	sleep 0.3
	measured belay_back "belay, back: dark" "$(prober_dark)"
	for _ in $(seq 2 "${BELAY_BENCH_ROUNDS:-1}"); do
		once_more
	done
	site_remove
}

one_size() {
	: >"$SITES/figures"
	psql -d postgres -qXc "CREATE DATABASE data_$chats TEMPLATE openwebui"
	SITE_PG=data_$chats
	many_chats "$chats"
	row "target, environment" "$target, $kind"
	row "load average" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	row "chats" "$(psql -d "$SITE_PG" -AtXqc 'SELECT count(*) FROM chat')"
	row "database" "$(psql -d "$SITE_PG" -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
	[ "${BELAY_BENCH_ONLY:-}" = belay ] || by_hand
	[ "${BELAY_BENCH_ONLY:-}" = hand ] || with_belay
	SITE=
	for database in $(psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '%\_$chats%'"); do
		dropdb "$database"
	done
	[ -z "${BELAY_BENCH_TSV:-}" ] || printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$kind" "$target" "$chats" \
		"$(figure hand_up)" "$(figure hand_back)" "$(figure belay_up)" "$(figure belay_back)" >>"$BELAY_BENCH_TSV"
}

engine_start
docker_ready || die "the upgrade is measured with PostgreSQL in a container"
container_start "belay-bench-$$"
SITE_PG=openwebui
site_new data
site_env "$kind" 0.7.2
site_script "DATABASE_URL=$(postgres_url)"
site_start
site_fill 3
site_remove
for chats in ${BELAY_BENCH_CHATS:-30000}; do
	one_size
done
