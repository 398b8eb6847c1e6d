# bench_clients.sh - ./dev bench clients: four users who sign in, read and write all through an upgrade
# of the real 0.7.2 to BELAY_BENCH_TARGET (0.12.4) on PostgreSQL in a container, with
# BELAY_BENCH_CHATS (3000) chats, and through the rollback. Every write that was acknowledged must be
# in the database that serves, or in the files of the rollback; no read may fail but in the dark and
# at the moment of the freeze, when sessions are ended.

count() {
	jq -r "select(.kind == \"$2\" and .ok == $3) | .id" "$1" | wc -l
}

# What of the run whose events are in the first file, with the clients' log in the second.
tell() {
	result=$(jq -c 'select(.event == "result")' "$2")
	row "$1: dark, seen from outside" "$(echo "$result" | jq .measured.dark_ms) ms; by its own account $(echo "$result" | jq .dark_ms) ms"
	row "  read-only, seen from outside" "$(echo "$result" | jq .measured.read_only_ms) ms; by its own account $(echo "$result" | jq .read_only_ms) ms"
	row "  in all" "$(echo "$result" | jq .total_ms) ms"
	row "  reads" "$(count "$3" read true) answered, $(count "$3" read false) failed"
	row "  writes" "$(count "$3" write true) acknowledged, $(count "$3" write false) refused or failed"
}

engine_start
docker_ready || die "the clients work with PostgreSQL in a container"
container_start "belay-bench-clients-$$"
SITE_PG=openwebui
site_new clients
site_env real 0.7.2
site_script "DATABASE_URL=$(postgres_url)"
site_start
site_fill 3
many_chats "${BELAY_BENCH_CHATS:-3000}"
expect 0 site_adopt
row "database" "$(psql -d "$SITE_PG" -AtXqc 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
status=0
# A shell of its own, that ends at the first thing that is not so.
BELAY=$BELAY PYTHON=$PYTHON BELAY_TEST_LIMIT=${BELAY_TEST_LIMIT:-3600} bash -e -c '
	for part in site postgres clients; do . "tests/harness/$part.sh"; done
	site_use "$1"
	SITE_PG=$2
	trap '\''[ -z "${CLIENTS:-}" ] || kill "$CLIENTS"'\'' EXIT
	up_and_back "$3" freeze-database
' clients "$SITE" "$SITE_PG" "${BELAY_BENCH_TARGET:-0.12.4}" || status=$?
[ ! -s "$SITE/clients.up" ] || tell up "$SITE/up" "$SITE/clients.up"
[ ! -s "$SITE/clients.back" ] || tell back "$SITE/back" "$SITE/clients.back"
[ "$status" = 0 ] || die "a write was lost, or a read failed (above)"
row "acknowledged writes lost" 0
site_remove
SITE=
