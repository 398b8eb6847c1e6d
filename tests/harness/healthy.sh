# healthy.sh - whole upgrades that must succeed, in varied circumstances. After site.sh, or alone.
#
#   healthy_rounds N DIR   N upgrades and rollbacks below DIR; says the sum, fails at the first no

. "$ROOT/tests/harness/site.sh"

# What a round's circumstances are: one line each, words for site_script, then for lies.py, then
# what happens meanwhile. A release that leaves its starter is none of them: the rehearsal refuses it. A stand-in starts in 0.3 s and migrates in 0.2 s, so 9 s are 30 times that.
healthy_rows() {
	cat <<-'ROWS'
	| |
	| live:start-works=9 |
	| live:migration-works=9 |
	foreground | |
	inside | |
	inside | live:start-works=3 | busy
	| | busy
	| log-long-line log-flood |
	| log-rotated | big-log
	| log-truncated log-cries | big-log
	| log-not-utf8 |
	| slow-answers=0.7 |
	| unready-for=2 |
	| extra-tables | busy
	| live:start-slow=4 live:migration-slow=4 |
	foreground | live:start-works=5 live:migration-works=5 | busy
	| | old-files
	| | spaces
	| | no-log
	ROWS
}

healthy_prepare() {
	case $1 in
	big-log) head -c 50000000 /dev/zero | tr '\0' 'x' >>"$SITE_LOG" ;;
	old-files) find "$SITE/start" "$SITE/data" -exec touch -h -d '1999-12-31' {} + ;;
	spaces) printf '# a comment\n\n' >>"$SITE/start/start_openwebui.sh" && touch -d '2001-01-01' "$SITE/start/start_openwebui.sh" ;;
	no-log) rm -f "$SITE_LOG" ;;
	esac
}

# Clients that read and write all the time.
healthy_busy() {
	while :; do
		api GET /api/v1/chats/ >/dev/null 2>&1 || sleep 0.1
		api_json POST /api/v1/chats/new "$(chat_text 99)" >/dev/null 2>&1 || sleep 0.1
	done
}

healthy_round() {
	site_new "$1" && site_env standin 0.7.2 || return 1
	# shellcheck disable=SC2086
	site_script $2 "STANDIN_LIES=$SITE/lies" && echo "0.8.0 $3" >"$SITE/lies" && site_start && site_fill &&
		expect 0 site_adopt && healthy_prepare "$4" || return 1
	busy=
	if [ "$4" = busy ]; then
		healthy_busy </dev/null >/dev/null 2>&1 3>&- &
		busy=$!
	fi
	healthy_there_and_back && done=0 || done=1
	[ -z "$busy" ] || kill "$busy"
	[ "$done" = 0 ] && site_reads_back && expect 0 belay status --check && site_remove
}

healthy_there_and_back() {
	expect 0 belay upgrade 0.8.0 --yes && [ "$(site_version)" = 0.8.0 ] && site_reads_back &&
		expect 0 belay rollback --yes --accept-loss && [ "$(site_version)" = 0.7.2 ]
}

healthy_rounds() {
	round=0
	SITES=$2
	while [ "$round" -lt "$1" ]; do
		round=$((round + 1))
		row=$(healthy_rows | sed -n "$(((round - 1) % $(healthy_rows | wc -l) + 1))p")
		IFS='|' read -r script lies meanwhile <<-EOF
		$row
		EOF
		if ! healthy_round "site$round" "$script" "$(echo $lies)" "$(echo $meanwhile)" >"$2/round" 2>&1; then
			cat "$2/round" >&2
			site_remove
			complain "round $round of $1 ($row): a false alarm (above)" || return 1
		fi
		echo "round $round of $1: $row"
	done
	echo "$1 healthy upgrades and rollbacks, no false alarm"
}
