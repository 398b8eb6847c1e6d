# bench_frozen.sh - ./dev bench frozen: what real releases do while their database is read-only, as it is
# for them while an upgrade copies and migrates. Four users sign in, read and try to save for
# BELAY_BENCH_SECONDS (15) while each release of BELAY_BENCH_VERSIONS is frozen, on SQLite (an open BEGIN
# IMMEDIATE) and on PostgreSQL (read-only, older sessions ended). A release that does not answer belongs
# into the table of src/release/frozen_source.c.

seconds=${BELAY_BENCH_SECONDS:-15}

frozen_sqlite() {
	{
		echo 'BEGIN IMMEDIATE;'
		sleep "$1"
	} | sqlite3 "$SITE_DATA/webui.db"
}

frozen_postgres() {
	psql -d postgres -qXc "ALTER DATABASE $SITE_PG SET default_transaction_read_only = on"
	end_sessions
	sleep "$1"
	psql -d postgres -qXc "ALTER DATABASE $SITE_PG RESET default_transaction_read_only"
	end_sessions
}
end_sessions() {
	psql -d postgres -AtXqc "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '$SITE_PG'" >/dev/null
}

# Of the clients' log: what happened in the time that the database was frozen for, and after it.
tell_frozen() {
	jq -rs --argjson from "$1" --argjson to "$2" '
		def during: .began >= $from and .ended <= $to;
		def took: .ended - .began;
		"\(map(select(during) | .client) | unique | length) of 4 signed in, reads: "
		+ "\(map(select(during and .kind == "read" and .ok)) | length) answered, "
		+ "\(map(select(during and .kind == "read" and (.ok | not))) | length) failed, the slowest took "
		+ "\([.[] | select(during and .kind == "read") | took] | max) ms; saves: "
		+ "\(map(select(during and .kind == "write" and .ok)) | length) accepted, "
		+ "\(map(select(during and .kind == "write" and (.ok | not))) | length) refused; after the thaw "
		+ "\(map(select(.began > $to and .kind == "write" and .ok)) | length) accepted"' "$SITE/clients"
}

frozen_release() {
	site_start
	site_fill 3
	"frozen_$2" "$seconds" &
	freezer=$!
	sleep 1
	from=$(now_ms)
	"$PYTHON" "$ROOT/tests/harness/clients.py" "$SITE_URL" "$(cat "$SITE/expected/chat-1.id")" "$SITE/clients" &
	clients=$!
	wait "$freezer"
	to=$(($(now_ms) - 500))
	sleep 5
	kill "$clients"
	wait "$clients" || true
	row "$1, $2, frozen for $seconds s" "$(tell_frozen "$from" "$to")"
	site_remove
	SITE=
}

PG_SERVER=$SITES/server
postgres_start "$PG_SERVER"
trap 'postgres_stop; clean_up' EXIT
for version in ${BELAY_BENCH_VERSIONS:-0.7.2 0.9.6 0.12.0 0.12.4}; do
	SITE_PG=
	site_new frozen
	site_env real "$version"
	site_script
	frozen_release "$version" sqlite
	SITE_PG=frozen_$(echo "$version" | tr . _)
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG"
	site_new frozen
	site_env real "$version"
	site_script "DATABASE_URL=$(postgres_url | sed "s|/openwebui\$|/$SITE_PG|")"
	frozen_release "$version" postgres
done
