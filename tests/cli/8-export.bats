#!/usr/bin/env bats
# What users wrote after an upgrade can be read back after the rollback that left it behind.

load ../harness/either_file

# A chat added, one renamed, one deleted, as the application and its users do.
sql() {
	if [ -n "$SITE_PG" ]; then
		psql -d "$SITE_PG" -qXAtc "$1"
	else
		sqlite3 "$SITE_DATA/webui.db" "$1"
	fi
}
write_after_upgrade() {
	added=$(api_json POST /api/v1/chats/new "$(chat_text 9)" | field id)
	changed=$(cat "$SITE/expected/chat-1.id")
	deleted=$(cat "$SITE/expected/chat-2.id")
	sql "UPDATE chat SET title = 'renamed' WHERE id = '$changed'"
	sql "DELETE FROM chat WHERE id = '$deleted'"
}

# row ID FILTER: the one line about a chat; the filter must not say no of it. Without such a line this
# fails, where a jq -e that reads nothing would not.
row() {
	jq -es --arg id "$1" "map(select(.key.id == \$id)) | if length == 1 then .[0] | $2 else false end" \
		"$folder/chat.jsonl"
}

reads_back() {
	expect 0 belay --json rollback --yes --accept-loss
	folder=$(jq -ers 'last | .exported.folder' "$SITE/out")
	[ "$(jq -s 'last | .exported.rows' "$SITE/out")" = "$(cat "$folder"/*.jsonl | wc -l)" ]
	[ "$folder" = "$SITE/state/$SITE_NAME/runs/$(jq -rs 'last | .run' "$SITE/out")/written-since" ] ||
		[ "$folder" = "$SITE/state/runs/$(jq -rs 'last | .run' "$SITE/out")/written-since" ]
	[ -z "$(find "$folder" -type f ! -perm 600)" ]
	[ "$(wc -l <"$folder/chat.jsonl")" = 3 ]
	row "$added" '.change == "added" and .row.id == .key.id'
	row "$added" '.row.chat | if type == "string" then fromjson else . end' >"$SITE/chat.json"
	chat_text 9 | jq -S .chat | cmp - <(jq -S . "$SITE/chat.json")
	row "$changed" '.change == "changed" and .row.title == "renamed"'
	row "$deleted" '.change == "deleted" and (has("row") | not)'
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
}

@test "SQLite: the chat written after the upgrade is in the export" {
	standin_site alpha
	expect 0 belay upgrade 0.8.0 --yes
	write_after_upgrade
	expect 3 belay rollback --yes
	reads_back
}

@test "PostgreSQL: the chat written after the upgrade is in the export" {
	postgres_site alpha
	expect 0 belay upgrade 0.8.0 --yes
	write_after_upgrade
	expect 3 belay rollback --yes
	reads_back
}

# There and back again: what only the newer database has is no deletion in the older one.
forward_again() {
	expect 0 belay upgrade 0.8.0 --yes
	api_json POST /api/v1/chats/new "$(chat_text 8)" | field id
	expect 0 belay rollback --yes --accept-loss
	added=$(api_json POST /api/v1/chats/new "$(chat_text 9)" | field id)
	expect 3 belay rollback --yes
	expect_text err 'chat \(1\)'
	expect 0 belay --json rollback --yes --accept-loss
	folder=$(jq -ers 'last | .exported.folder' "$SITE/out")
	row "$added" '.change == "added" and .row.id == .key.id'
	[ "$(wc -l <"$folder/chat.jsonl")" = 1 ]
	! grep -h '"deleted"' "$folder"/*.jsonl || false
	[ "$(site_version)" = 0.8.0 ]
}

@test "SQLite: what was written between two rollbacks is in the export" {
	standin_site alpha
	forward_again
}

@test "PostgreSQL: what was written between two rollbacks is in the export" {
	postgres_site alpha
	forward_again
}

@test "what was written after a restore is in the export of its rollback" {
	standin_site alpha
	expect 0 belay backup
	expect 0 belay restore "$(basename "$(newest_set)")" --yes
	added=$(api_json POST /api/v1/chats/new "$(chat_text 9)" | field id)
	expect 3 belay rollback --yes
	expect 0 belay --json rollback --yes --accept-loss
	folder=$(jq -ers 'last | .exported.folder' "$SITE/out")
	row "$added" '.change == "added"'
}

@test "an export that fails undoes the rollback, unless --accept-loss was typed" {
	standin_site alpha
	expect 0 belay upgrade 0.8.0 --yes
	BELAY_FAULT=fail@export-written expect 4 belay rollback --yes
	expect_text err 'belay rollback --accept-loss'
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	api_json POST /api/v1/chats/new "$(chat_text 9)" >/dev/null
	BELAY_FAULT=fail@export-file expect 0 belay rollback --yes --accept-loss
	expect_text err 'injected fault'
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
}
