# bench_upgrade.sh - ./dev bench upgrade: the procedure by hand and belay, on the same data in the same
# run: PostgreSQL in a container, BELAY_BENCH_CHATS (30000) chats of eight messages, 0.7.2 to
# BELAY_BENCH_TARGET (0.12.4), and back. Dark is the longest time without an answer of /health, asked
# 20 times a second from outside. By hand uv installs instead of pip, which is the faster of the two.

target=${BELAY_BENCH_TARGET:-0.12.4}

# A site of its own on a copy of the data; SITE_PG names its database.
bench_site() {
	SITE_PG=$1
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG TEMPLATE openwebui"
	site_new "$1"
	site_env real 0.7.2
	cp -a "$SITE_ENV" "$SITE_ENV.own" # not hard-linked to the template: by hand it is changed in place
	rm -rf "$SITE_ENV"
	mv "$SITE_ENV.own" "$SITE_ENV"
	site_script "DATABASE_URL=postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/$SITE_PG"
	site_start
}

install_by_hand() {
	uv pip install -q -p "$SITE_ENV/bin/python" --compile-bytecode \
		--override "$ROOT/tests/real/slim-overrides.txt" "open-webui[postgres]==$1" beautifulsoup4 pytz
}

by_hand() {
	bench_site by_hand
	prober_start "$SITE/dark"
	site_stop
	docker exec "$PG_CONTAINER" pg_dump -U "$PG_ROLE" -d "$SITE_PG" -F c -f /tmp/by-hand.dump
	docker cp "$PG_CONTAINER:/tmp/by-hand.dump" "$SITE/by-hand.dump" >/dev/null
	install_by_hand "$target"
	(cd / && exec setsid bash "$SITE/start/start_openwebui.sh") </dev/null >/dev/null 2>&1 3>&- &
	site_wait 1800
	sleep 0.3
	row "by hand, up: dark" "$(prober_dark) ms"

	prober_start "$SITE/dark"
	site_stop
	install_by_hand 0.7.2
	dropdb "$SITE_PG"
	createdb "$SITE_PG"
	docker cp "$SITE/by-hand.dump" "$PG_CONTAINER:/tmp/by-hand.dump" >/dev/null
	docker exec "$PG_CONTAINER" pg_restore -U "$PG_ROLE" -d "$SITE_PG" /tmp/by-hand.dump
	site_start
	sleep 0.3
	row "by hand, back: dark" "$(prober_dark) ms"

	prober_start "$SITE/dark"
	site_stop
	site_start
	sleep 0.3
	row "a plain restart of 0.7.2" "$(prober_dark) ms"
	site_remove
}

with_belay() {
	bench_site with_belay
	expect 0 site_adopt
	prober_start "$SITE/dark"
	expect 0 belay --json upgrade "$target" --yes
	sleep 0.3
	row "belay, up: dark" "$(prober_dark) ms"
	row "  by its own account" "$(result_of dark_ms) ms; predicted $(result_of rehearsal.predicted.dark_ms) ms"
	row "  read-only" "$(result_of read_only_ms) ms; predicted $(result_of rehearsal.predicted.read_only_ms) ms"
	row "  in all" "$(result_of total_ms) ms"
	jq -r 'select(.event == "step" and .state == "done") | "| \u00a0\u00a0step \(.id) | \(.ms) ms |"' "$SITE/out"
	prober_start "$SITE/dark"
	expect 0 belay --json rollback --yes --accept-loss
	sleep 0.3
	row "belay, back: dark" "$(prober_dark) ms"
	site_remove
}

engine_start
docker_ready || die "the upgrade is measured with PostgreSQL in a container"
container_start "belay-bench-$$"
SITE_PG=openwebui
site_new data
site_env real 0.7.2
site_script "DATABASE_URL=$(postgres_url)"
site_start
site_fill 3
many_chats "${BELAY_BENCH_CHATS:-30000}"
site_remove
row "database" "$(psql -d openwebui -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
row "chats" "$(psql -d openwebui -AtXqc 'SELECT count(*) FROM chat')"
row "target" "$target"
[ "${BELAY_BENCH_ONLY:-}" = belay ] || by_hand
with_belay
SITE=
