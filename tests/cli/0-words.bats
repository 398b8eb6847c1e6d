#!/usr/bin/env bats
# What it says before it does anything: help, usage, languages.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	SITE=$BATS_TEST_TMPDIR
	SITE_FILE=$SITE/nothing.conf
	SITE_LOG=/dev/null
	export BELAY_STATE_DIR="$SITE/state"
}

# Without a site.
plain() {
	status=0
	timeout 20 "$BELAY" "$@" >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- || status=$?
}

@test "every command has help on stdout, at most 80 columns wide" {
	for command in '' adopt status check notes upgrade rollback backup backups restore resume history logs; do
		expect 0 plain $command --help
		[ -s "$SITE/out" ] && [ ! -s "$SITE/err" ]
		! grep -nE '^.{81,}' "$SITE/out" || complain "$command --help: wider than 80 columns"
	done
}

@test "the help names every command and every exit status" {
	expect 0 plain --help
	for word in adopt status check notes upgrade rollback backup backups restore resume history logs 130; do
		expect_text out "$word"
	done
}

@test "--version is one line" {
	expect 0 plain --version
	[ "$(wc -l <"$SITE/out")" = 1 ]
	expect_text out '^belay [0-9]+\.[0-9]+\.[0-9]+$'
}

@test "wrong usage exits 2, names the word and the nearest right one" {
	expect 2 plain
	expect_text err 'belay --help'
	expect 2 plain upgade
	expect_text err "'upgade'"
	expect_text err "'upgrade'"
	expect 2 plain upgrade --plann
	expect_text err "'--plan'"
	expect 2 plain upgrade 0.8.0 0.9.0
	expect 2 plain restore
	expect 2 plain --site
	expect 2 plain resume --finish --undo
	[ ! -s "$SITE/out" ]
}

@test "a site that does not exist: exit 2 and what to type next" {
	expect 2 belay status
	expect_text err 'belay adopt'
}

@test "a process that is no Open WebUI: exit 3; one that is no number: exit 2" {
	expect 3 plain adopt --site "$SITE_FILE" --pid 999999999
	expect_text err 999999999
	[ ! -e "$SITE_FILE" ]
	expect 2 plain adopt --print --pid 1x
	expect_text err '1x'
}

@test "a site file with a misspelt key, a bad value, or open to others is refused by name" {
	printf '[webui]\nenviroment = /srv/env\n' >"$SITE_FILE"
	chmod 600 "$SITE_FILE"
	expect 2 belay status
	expect_text err 'enviroment'
	expect_text err 'environment'
	printf '[webui]\nenvironment = /srv/env\nstart_directory = /srv\nport = 99999\n' >"$SITE_FILE"
	expect 2 belay status
	expect_text err 'port'
	printf '[webui]\nenvironment = /srv/env\nstart_directory = /srv\n[database]\ndatabase_url = postgresql://u:p@127.0.0.1/d\n' >"$SITE_FILE"
	chmod 644 "$SITE_FILE"
	expect 2 belay status
	expect_text err '600'
}

@test "a version that is none: exit 2" {
	expect 2 plain upgrade not-a-version --yes --site "$SITE_FILE"
}

@test "Korean from the build folder, also where ko_KR is not generated" {
	export LC_ALL=C.UTF-8 LANGUAGE=ko
	expect 0 plain --help
	expect_text out '사용법'
	expect 2 plain upgade
	expect_text err '명령'
	unset LC_ALL LANGUAGE
	export LANG=ko_KR.UTF-8
	expect 0 plain --help
	expect_text out '사용법'
}

@test "English where nothing is said" {
	export LC_ALL=C
	expect 0 plain --help
	expect_text out '^Usage:'
}

@test "with --json a failure is one result object" {
	expect 2 belay --json status
	jq -e 'select(.event == "result") | .schema == 1 and .outcome == "failed" and .exit_status == 2' "$SITE/out"
	[ "$(wc -l <"$SITE/out")" = 1 ]
}
