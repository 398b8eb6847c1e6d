# clients.sh - users who work on while the site goes up and back: clients.py, and what must be true of
# its log afterwards. After site.sh and postgres.sh.

clients_start() {
	"$PYTHON" "$ROOT/tests/harness/clients.py" "$SITE_URL" "$(cat "$SITE/expected/chat-1.id")" "$SITE/clients" \
		</dev/null >"$SITE/clients.err" 2>&1 3>&- &
	CLIENTS=$!
	clients_work
}

# Until twenty more writes were acknowledged.
clients_work() {
	enough=$(($(acknowledged | wc -l) + 20))
	for _ in $(seq 600); do
		[ "$(acknowledged | wc -l)" -lt "$enough" ] || return 0
		sleep 0.1
	done
	complain "the clients get nothing written" "$(tail -n 3 "$SITE/clients")" "$(cat "$SITE/clients.err")"
}

clients_end() {
	kill "$CLIENTS" && wait "$CLIENTS" || true
	CLIENTS=
}

now_ms() {
	date +%s%3N
}

# acknowledged [BEFORE [AFTER]]: ids of the writes that ended before or began after, in milliseconds.
acknowledged() {
	[ ! -e "$SITE/clients" ] || jq -Rr --argjson before "${1:-9e15}" --argjson after "${2:-0}" 'fromjson?
		| select(.kind == "write" and .ok and .ended < $before and .began > $after) | .id' "$SITE/clients" | sort
}

# The ids of all chats in a database: its name or file. The door of one that is kept is closed.
chats_in() {
	if [ -n "${SITE_PG:-}" ]; then
		psql -d postgres -qXc "ALTER DATABASE $1 ALLOW_CONNECTIONS true"
		psql -d "$1" -AtXqc 'SELECT id FROM chat'
	else
		sqlite3 "$1" 'SELECT id FROM chat'
	fi >"$SITE/ids" || complain "the chats of $1 cannot be read" || return 1
	sort "$SITE/ids"
}
live() {
	echo "${SITE_PG:-$SITE_DATA/webui.db}"
}
kept() {
	if [ -n "${SITE_PG:-}" ]; then
		psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}_belay_%'"
	else
		find "$SITE_DATA" -regex '.*/webui\.db\.belay-[0-9]*'
	fi
}

# none_lost WHAT FILE ...: every id of stdin is in one of the lists.
none_lost() {
	what=$1
	shift
	sort -u "$@" >"$SITE/there"
	comm -23 - "$SITE/there" >"$SITE/lost"
	[ ! -s "$SITE/lost" ] || complain "$what: $(wc -l <"$SITE/lost") acknowledged writes are lost:" "$(head -n 5 "$SITE/lost")"
}

# Runs belay with a time on each line of JSON, in the file named.
belay_timed() {
	events=$1
	shift
	status=0
	set -o pipefail
	timeout -k 10 "${BELAY_TEST_LIMIT:-300}" "$BELAY" --site "$SITE_FILE" --json "$@" 2>"$SITE/err" </dev/null 3>&- |
		jq -c --unbuffered '. + {at: (now * 1000 | floor)}' >"$events" || status=$?
	set +o pipefail
	cp "$events" "$SITE/out"
}

reads_never_failed() {
	"$PYTHON" "$ROOT/tests/harness/clients.py" windows "$SITE/clients" "$@"
}

# The ids of the chats that a rollback wrote to its files.
exported() {
	find "$(jq -r 'select(.event == "result") | .exported.folder' "$SITE/back")" -name chat.jsonl -exec \
		jq -r 'select(.change == "added") | .row.id' {} + | sort
}

# up_and_back VERSION [STEP ...]: reads may fail in these steps too.
up_and_back() {
	version=$1
	shift
	clients_start
	swap_up=$(now_ms)
	expect 0 belay_timed "$SITE/up" upgrade "$version" --yes
	up=$(now_ms)
	clients_work
	clients_end
	chats_in "$(live)" >"$SITE/live"
	acknowledged | none_lost "after the upgrade" "$SITE/live"
	[ "$(acknowledged "$swap_up" | wc -l)" -ge 20 ] && [ "$(acknowledged 9e15 "$up" | wc -l)" -ge 20 ]
	reads_never_failed "$SITE/up" "$@"
	mv "$SITE/clients" "$SITE/clients.up"

	clients_start
	expect 0 belay_timed "$SITE/back" rollback --yes --accept-loss
	back=$(now_ms)
	clients_work
	clients_end
	[ "$(site_version)" = 0.7.2 ]
	chats_in "$(live)" >"$SITE/live"
	kept >"$SITE/kept"
	[ "$(wc -l <"$SITE/kept")" = 1 ]
	chats_in "$(cat "$SITE/kept")" >"$SITE/newer"
	exported >"$SITE/exported"
	reads_never_failed "$SITE/back"
	acknowledged | none_lost "after the rollback" "$SITE/live" "$SITE/newer"
	acknowledged | none_lost "after the rollback, in its files" "$SITE/live" "$SITE/exported"
	acknowledged 9e15 "$back" | none_lost "written after the rollback" "$SITE/live"
	cp "$SITE/clients" "$SITE/clients.back"
	cat "$SITE/clients.up" >>"$SITE/clients"
	acknowledged "$swap_up" | none_lost "written before the upgrade" "$SITE/live"
	acknowledged | none_lost "in all" "$SITE/live" "$SITE/exported"
}
