# bench_compose.sh - ./dev bench compose: a service of a compose project with PostgreSQL in the same project,
# real images in the layout of the official one, 0.7.2 to BELAY_BENCH_TARGET (0.8.0) and back, with
# BELAY_BENCH_CHATS (30000) chats. A container is not prewarmed, so what is dark is compared with what nobody
# can do without: stop the container, start it, wait until it answers. Needs the compose plugin, or Go to
# make it.

export BELAY_TEST_LIMIT="${BELAY_TEST_LIMIT:-7200}"
. tests/harness/container.sh
target=${BELAY_BENCH_TARGET:-0.8.0}

docker_site_end() {
	[ -z "${PREFIX:-}" ] || docker_site_remove
	PREFIX= SITE=
}

# As the database's user, at the address that the network gave it: no port is published.
as_service_user() {
	PGHOST=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$PREFIX-db-1")
	export PGHOST PGPORT=5432 PGUSER=owui PGPASSWORD=s3cret-of-db
	SITE_PG=openwebui
}

compose() {
	docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" "$@" 2>"$SITE/compose.err" ||
		die "$(cat "$SITE/compose.err")"
}

# Docker's own stop and start of what serves now.
container_restart() {
	prober_start "$SITE/dark"
	docker stop "$PREFIX-webui-1" >/dev/null
	docker start "$PREFIX-webui-1" >/dev/null
	site_wait 300
	sleep 0.3
	row "  docker stop and start of $(site_version): dark" "$(prober_dark) ms"
}

steps_shown() {
	jq -r 'select(.event == "step" and .state == "done" and .ms >= 50) | "| \u00a0\u00a0step \(.id) | \(.ms) ms |"' "$SITE/out"
}

engine_start
docker_ready || die "compose needs a Docker engine"
[ ! -e "$CACHE/docker" ] || export DOCKER_CONFIG="$CACHE/docker"
docker compose version >/dev/null 2>&1 || {
	tools/make-compose-plugin "$CACHE/docker"
	export DOCKER_CONFIG="$CACHE/docker"
}
tools/make-postgres-image
for version in 0.7.2 "$target"; do
	template=$(real_template real "$version")
	tools/make-webui-image "$template" "belay-test/open-webui:v$version"
done

BATS_TEST_NUMBER=bench
docker_site_new bench
trap 'docker_site_end; clean_up' EXIT
compose_real_file postgres
compose up -d
site_wait 300
site_fill 3
as_service_user
many_chats "${BELAY_BENCH_CHATS:-30000}"
row "chats" "$(psql -d "$SITE_PG" -AtXqc 'SELECT count(*) FROM chat')"
row "database" "$(psql -d "$SITE_PG" -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
expect 0 belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0
container_restart

prober_start "$SITE/dark"
expect 0 belay --json upgrade "$target" --yes
sleep 0.3
row "0.7.2 -> $target, compose: dark" "$(prober_dark) ms"
row "  by its own account, and predicted" "$(result_of dark_ms) ms, $(result_of rehearsal.predicted.dark_ms) ms"
row "  read-only, and predicted" "$(result_of read_only_ms) ms, $(result_of rehearsal.predicted.read_only_ms) ms"
row "  in all" "$(result_of total_ms) ms"
steps_shown
container_restart

prober_start "$SITE/dark"
expect 0 belay --json rollback --yes --accept-loss
sleep 0.3
row "$target -> 0.7.2, back: dark" "$(prober_dark) ms"
steps_shown
site_reads_back
docker_site_end
