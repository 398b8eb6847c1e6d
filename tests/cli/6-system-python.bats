#!/usr/bin/env bats
# Open WebUI without an environment: in the user site (as in the system's Python). That installation
# is never changed; the site gets an environment beside its start script.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/system_site.sh"
}

teardown() {
	site_remove
}

by_hand() {
	site_stop
	site_start
}

@test "up and back: the system's installation is what it was, the script works in each state" {
	system_site line
	before=$(system_digest)
	expect 0 site_adopt
	expect_text "alpha.conf" "^environment = $SITE_ENV\$"
	expect_text "alpha.conf" "^system_script = $SITE_BASE/bin/open-webui\$"
	by_hand
	[ "$(server_program)" = "$SITE_BASE/bin/open-webui" ]
	expect 0 belay status
	expect_text out 0.7.2
	expect 0 belay check 0.8.0
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out 'environment of its own'
	[ ! -e "$SITE_ENV" ]

	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	[ "$(readlink "$SITE_ENV")" = "$SITE_ENV.releases/0.8.0" ]
	site_reads_back
	by_hand
	[ "$(site_version)" = 0.8.0 ]
	[ "$(server_program)" = "$SITE_ENV/bin/open-webui" ]
	site_reads_back

	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ]
	[ "$(readlink "$SITE_ENV")" = "$SITE_ENV.releases/0.7.2" ]
	site_reads_back
	by_hand
	[ "$(site_version)" = 0.7.2 ]
	[ "$(server_program)" = "$SITE_ENV/bin/open-webui" ]
	site_reads_back
	expect 0 belay upgrade 0.12.4 --yes
	[ "$(site_version)" = 0.12.4 ]
	[ "$(system_digest)" = "$before" ]
}

@test "without the line nothing begins, and the hint is the line" {
	system_site
	pid=$(site_pid)
	before=$(system_digest)
	expect 0 site_adopt
	expect_text err "needs this line: $SITE_ENV" || expect_text err "$SITE_ENV/bin"
	for command in "check 0.8.0" "upgrade 0.8.0 --yes"; do
		expect 3 belay $command
		grep -qF "$LINE" "$SITE/out" "$SITE/err" || complain "no line after: $command"
	done
	expect 3 belay --json upgrade 0.8.0 --yes
	jq -es --arg line "$LINE" 'map(select(.event == "check" and .id == "path-line"))[0].hint == $line' "$SITE/out"
	[ "$(site_pid)" = "$pid" ]
	[ ! -e "$SITE_ENV" ]
	[ ! -e "$SITE_ENV.releases" ]

	# Added while the server runs: enough.
	system_script line
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	[ "$(system_digest)" = "$before" ]
}

@test "a script that names the program by its folder is refused, with the line or without" {
	system_site line by-folder
	expect 0 site_adopt
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err "by its folder"
}

@test "a failed upgrade: the old version serves again, from the environment" {
	system_site line
	before=$(system_digest)
	expect 0 site_adopt
	by_hand
	expect 4 belay upgrade 0.8.7 --skip-rehearsal --yes
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	by_hand
	[ "$(server_program)" = "$SITE_ENV/bin/open-webui" ]
	expect 0 belay upgrade 0.8.0 --yes
	site_reads_back
	[ "$(system_digest)" = "$before" ]
}

@test "a rehearsal that says no leaves the running server alone; it is still known" {
	system_site line
	expect 0 site_adopt
	pid=$(site_pid)
	expect 3 belay upgrade 0.8.1 --yes
	[ "$(site_pid)" = "$pid" ]
	expect 0 belay status
	expect 0 belay check 0.8.0
	expect 0 site_adopt
	expect_text "alpha.conf" '^system_script = '
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
}

@test "its .env, packages that somebody added, and a restore come along" {
	system_site line
	echo "WEBUI_NAME=of the dotenv" >"$SITE_BASE/lib/$(ls "$SITE_BASE/lib")/.env"
	by_hand
	expect 0 site_adopt
	expect 0 belay backup
	set=$(ls -d "$SITE/start/backups"/openwebui_backup_*)
	grep -q '^open-webui==0.7.2$' "$set/packages.txt"
	sqlite3 "$SITE_DATA/webui.db" 'DELETE FROM chat'
	expect 0 belay restore "$(basename "$set")" --yes
	[ "$(server_program)" = "$SITE_ENV/bin/open-webui" ]
	site_reads_back
	expect 0 belay upgrade 0.8.0 --yes
	grep -q 'of the dotenv' "$SITE_ENV"/lib/*/.env
	"$SITE_ENV/bin/python" -c 'import psycopg2'
	site_reads_back
}

@test "data inside the system's Python is refused, with what to type" {
	system_site line inside
	expect 3 site_adopt
	expect_text err "mv '$SITE_BASE/lib/.*/open_webui/data' '$SITE/start/data'"
	expect_text err "export DATA_DIR='$SITE/start/data'"
}
