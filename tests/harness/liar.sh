# liar.sh - run the rows of tests/cli/liar.cases: one lie each, told by the release that a site is
# brought to. The rows of a file share a site for as long as it is what it was before the first.
#
#   liar_site [WORD ...]   in setup_file: the site, kept in $BATS_FILE_TMPDIR
#   liar_rows GROUP        all rows of a group; names each that fails, and fails when one did

LIAR_SITE_WORDS=$BATS_FILE_TMPDIR/words

liar_site() {
	SITES=$BATS_FILE_TMPDIR
	echo "$*" >"$LIAR_SITE_WORDS"
	if [ "${1:-}" = postgres ]; then
		shift
		postgres_of_file_start
		BATS_TEST_NUMBER=$(date +%N) postgres_of_file_database || return 1
		echo "SITE_PG=$SITE_PG" >"$BATS_FILE_TMPDIR/database"
		set -- "$PG_WORDS" "$@"
	fi
	site_new alpha && site_env standin 0.7.2 && site_script "STANDIN_LIES=$SITES/alpha/lies" "$@" &&
		site_start && site_fill && expect 0 site_adopt --start-timeout 6 --migrate-timeout 6 &&
		site_signature >"$SITE/before"
}

# What a row finds: the site of setup_file, or a new one when a row has spoiled that.
liar_site_use() {
	site_use "$BATS_FILE_TMPDIR/alpha"
	if [ -e "$BATS_FILE_TMPDIR/database" ]; then
		. "$BATS_FILE_TMPDIR/server"
		. "$BATS_FILE_TMPDIR/database"
		export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT="$PG_PORT" PGUSER="$PG_ROLE"
	fi
}

liar_end_strangers() {
	[ ! -e "$SITE/lies.pids" ] || while read -r pid; do
		kill -9 "$pid" 2>/dev/null || true
	done <"$SITE/lies.pids"
	rm -f "$SITE/lies.pids"
}

# A server that a failed row has left would fail all rows that follow.
liar_end_servers() {
	for process in /proc/[0-9]*; do
		! grep -qsF -e "$SITE/env" "$process/cmdline" || kill -9 "${process#/proc/}" 2>/dev/null || true
	done
}

liar_renew() {
	words=$(cat "$LIAR_SITE_WORDS")
	liar_end_strangers
	site_remove
	liar_end_servers
	# shellcheck disable=SC2086
	liar_site $words
}

# ---- what must be so afterwards ----

liar_is_old() {
	site_reads_back && expect_signature "$SITE/before" && expect 0 belay status --check
}

liar_is_untouched() {
	[ "$(site_pid)" = "$LIAR_PID" ] || complain "another process serves" || return 1
	liar_is_old
}

# What holds the port had to go first (liar_row has ended it); belay had said so.
liar_is_resumed() {
	expect 0 belay --yes resume --undo && liar_is_old
}

# New code, new data; and there is a way back from it.
liar_is_new() {
	[ "$(site_version)" = "$LIAR_RELEASE" ] || complain "version $(site_version) serves" || return 1
	site_reads_back && expect 0 belay status --check || return 1
	: >"$SITE/lies"
	expect 0 belay rollback --yes --accept-loss || return 1
	site_reads_back && site_signature >"$SITE/before"
}

# ---- a row ----

liar_row() {
	LIAR_RELEASE=$1 lies=$2 options=$3 wanted=$4 text=$5 state=$6
	LIAR_PID=$(site_pid)
	printf '%s\n' "$LIAR_RELEASE $lies" >"$SITE/lies"
	# shellcheck disable=SC2086
	expect "$wanted" belay upgrade "$LIAR_RELEASE" --yes $options || return 1
	[ -z "$text" ] || cat "$SITE/out" "$SITE/err" | grep -qE -e "$text" || {
		cat "$SITE/err" >&2
		complain "'$text' is not in what it said (above)" || return 1
	}
	liar_end_strangers
	"liar_is_$state"
}

liar_rows() {
	failed=0 ran=0
	liar_site_use
	while IFS='|' read -r group name release lies options wanted text state; do
		[ "$(echo $group)" = "$1" ] || continue
		ran=$((ran + 1))
		began=$(date +%s%N)
		if ! liar_row $release "$(echo $lies)" "$(echo $options)" $wanted "$(echo $text | tr ';' '|')" $state \
			</dev/null >"$BATS_FILE_TMPDIR/row" 2>&1; then
			failed=$((failed + 1))
			{
				echo "=== $(echo $name)"
				cat "$BATS_FILE_TMPDIR/row"
			} >&2
			liar_renew >&2 || return 1
		fi
		[ -z "${LIAR_TIMES:-}" ] || echo "$((($(date +%s%N) - began) / 1000000)) $failed $name" >>"$LIAR_TIMES"
	done <"${LIAR_CASES:-$ROOT/tests/cli/liar.cases}"
	echo "# $1: $ran rows" >&3
	[ "$ran" -gt 0 ] && [ "$failed" = 0 ]
}
