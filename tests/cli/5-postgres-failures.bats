#!/usr/bin/env bats
# Whatever fails while users only read or nobody is served ends with the old version serving, and users
# can save: never frozen, never both.

load ../harness/postgres_file

# One database, open and thawed, one server, the old one; and a chat is saved and there.
old_serves_and_users_save() {
	[ "$(site_version)/$(site_revision)" = 0.7.2/c440947495f3 ] || complain "not old on old: $(site_version)/$(site_revision)" || return 1
	site_reads_back || return 1
	[ "$(psql -d postgres -AtXqc "SELECT string_agg(datname || ' ' || datallowconn, ', ') FROM pg_database WHERE datname LIKE '${SITE_PG}%'")" = "$SITE_PG true" ] ||
		complain "other databases are left, or the door is shut" || return 1
	[ "$(psql -d "$SITE_PG" -AtXqc 'SHOW default_transaction_read_only')" = off ] || complain "it is frozen" || return 1
	saved=$(api_json POST /api/v1/chats/new "$(chat_text 77)" | field id) || complain "users cannot save" || return 1
	[ "$(psql -d "$SITE_PG" -AtXqc "SELECT count(*) FROM chat WHERE id = '$saved'")" = 1 ]
	expect 0 belay status --check
}

# fails_in STEP[|STEP] VERSION [FAULT]: that is where the upgrade must end.
fails_in() {
	export BELAY_FAULT=${3:-}
	belay --json upgrade "$2" --skip-rehearsal --yes
	unset BELAY_FAULT
	[ "$status" = 4 ] || complain "$*: exit status $status" "$(tail -n 5 "$SITE/err")" || return 1
	failed=$(jq -r 'select(.event == "step" and .state == "failed") | .id' "$SITE/out" | head -n 1)
	case "|$1|" in
	*"|$failed|"*) ;;
	*) complain "$*: failed in '$failed'" "$(cat "$SITE/err")" || return 1 ;;
	esac
	old_serves_and_users_save || complain "after: $*" "$(cat "$SITE/err")"
}

@test "the copy cannot be made: dumped, restored, or by TEMPLATE" {
	fails_in freeze-database 0.8.0 fail@pg-freeze
	fails_in copy-database 0.8.0 full@pg-restore:2
	fails_in copy-database 0.8.0 fail@pg-comment:2
	site_set read_on no
	fails_in copy-database 0.8.0 fail@pg-create:3
	fails_in copy-database 0.8.0 full@pg-comment:2
}

@test "the migration raises, hangs, or loses chats" {
	fails_in migrate-copy 0.8.1
	fails_in migrate-copy 0.8.2
	fails_in migrate-copy 0.8.6
}

@test "the databases cannot change places" {
	for point in pg-exchange-statement:1 pg-exchange-statement:3 pg-exchange-commit; do
		fails_in swap-database 0.8.0 "fail@$point"
	done
}

@test "the new version does not start, or is never well" {
	# One that dies is seen by whoever looks first.
	fails_in 'start-service|pass-gate' 0.8.7
	fails_in 'start-service|pass-gate' 0.8.5
	fails_in pass-gate 0.8.9
}

@test "somebody writes through the freeze: seen before the databases change places, and nothing is lost" {
	# Right before the door is shut for the exchange.
	BELAY_FAULT=stop@pg-door:2 "$BELAY" --site "$SITE_FILE" upgrade 0.8.0 --skip-rehearsal --yes \
		>"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	run=$!
	for _ in $(seq 1200); do
		! grep -qs '^State:.T' "/proc/$run/status" || break
		process_lives "$run" || complain "it ended before" "$(cat "$SITE/err")" || return 1
		sleep 0.1
	done
	[ "$(psql -d "$SITE_PG" -AtXqc 'SHOW default_transaction_read_only')" = on ]
	psql -d "$SITE_PG" -qX -v ON_ERROR_STOP=1 -c 'BEGIN READ WRITE' \
		-c "UPDATE chat SET title = 'through the freeze' WHERE id = '$(cat "$SITE/expected/chat-1.id")'" -c COMMIT
	kill -CONT "$run"
	status=0
	wait "$run" || status=$?
	[ "$status" = 4 ] || complain "exit status $status" "$(cat "$SITE/out" "$SITE/err")"
	[ "$(psql -d "$SITE_PG" -AtXqc "SELECT count(*) FROM chat WHERE title = 'through the freeze'")" = 1 ]
	expect_text err "the database was changed after it was copied: table 'chat': 1 newer"
	old_serves_and_users_save
}
