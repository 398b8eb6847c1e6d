# bench_upgrade.sh - ./dev bench upgrade: the procedure by hand and belay, on the same data in the same
# run: PostgreSQL in a container, 0.7.2 to BELAY_BENCH_TARGET (0.12.4) and back, for each number of
# chats of eight messages in BELAY_BENCH_CHATS (30000). Dark is the longest time without an answer of
# /health, asked 20 times a second from outside.
#
# BELAY_BENCH_KIND=real   environments without the heavy optional packages; by hand uv installs
# BELAY_BENCH_KIND=full   open-webui[all], 7 GB, installed with pip as the procedure has it
# BELAY_BENCH_ONLY=belay  nothing by hand
# BELAY_BENCH_TSV=FILE    a line for tools/plot-dark is added to it

target=${BELAY_BENCH_TARGET:-0.12.4}
kind=${BELAY_BENCH_KIND:-real}

# measured NAME TEXT MS: a row now, and a figure for the line of the file.
measured() {
	row "$2" "$3 ms"
	echo "$1=$3" >>"$SITES/figures"
}
figure() {
	sed -n "s/^$1=//p" "$SITES/figures"
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

with_belay() {
	bench_site with_belay
	expect 0 site_adopt
	prober_start "$SITE/dark"
	expect 0 belay --json upgrade "$target" --yes
	sleep 0.3
	measured belay_up "belay, up: dark" "$(prober_dark)"
	measured own_dark "  by its own account" "$(result_of dark_ms)"
	measured predicted_dark "  predicted" "$(result_of rehearsal.predicted.dark_ms)"
	measured read_only "  read-only" "$(result_of read_only_ms)"
	measured predicted_read_only "  predicted" "$(result_of rehearsal.predicted.read_only_ms)"
	measured total "  in all" "$(result_of total_ms)"
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
	site_remove
}

one_size() {
	: >"$SITES/figures"
	psql -d postgres -qXc "CREATE DATABASE data_$chats TEMPLATE openwebui"
	SITE_PG=data_$chats
	many_chats "$chats"
	row "target, environment" "$target, $kind"
	row "chats" "$(psql -d "$SITE_PG" -AtXqc 'SELECT count(*) FROM chat')"
	row "database" "$(psql -d "$SITE_PG" -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
	[ "${BELAY_BENCH_ONLY:-}" = belay ] || by_hand
	with_belay
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
