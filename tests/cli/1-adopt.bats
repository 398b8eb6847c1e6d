#!/usr/bin/env bats
# adopt: what it finds out about a running server, and what it refuses.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
}

teardown() {
	for dir in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$dir/site.env" ] || { site_use "${dir%/}" && site_remove; }
	done
}

running_site() {
	site_new "$1" && site_env standin 0.7.2 && shift && site_script "$@" && site_start && site_fill 1
}

@test "adopt --print shows every finding and writes nothing" {
	running_site alpha inside
	expect 0 site_adopt --print
	for text in "$SITE_ENV" "$SITE/start" "$SITE_PORT" 0.7.2 start_openwebui.sh webui.db; do
		expect_text out "$text"
	done
	[ ! -e "$SITE_FILE" ]
	[ -z "$(ls "$SITE/state")" ]
}

@test "adopt writes a site file and a recipe that others cannot read" {
	running_site alpha
	expect 0 site_adopt
	[ "$(stat -c %a "$SITE_FILE")" = 600 ]
	[ "$(stat -c %a "$SITE/state/$SITE_NAME/recipe.json")" = 600 ]
	expect_text "$SITE_NAME.conf" "^environment *= *$SITE_ENV\$"
	expect_text "$SITE_NAME.conf" "^start_script *= *$SITE/start/start_openwebui.sh\$"
	expect 0 belay status
	expect_text out 0.7.2
	expect_text out c440947495f3
}

@test "two servers on the host: it asks which" {
	running_site alpha
	running_site beta
	expect 2 belay adopt || expect 3 belay adopt
	expect_text err '--pid'
	expect 0 site_adopt --print
	expect_text out "$SITE_PORT"
}

@test "a foreground start script is found too" {
	running_site alpha foreground
	expect 0 site_adopt --print
	expect_text out start_openwebui.sh
}

@test "a .env inside the environment is read" {
	site_new alpha && site_env standin 0.7.2 && site_script inside
	echo "DATA_DIR=$SITE/elsewhere" >"$SITE_ENV/lib/$(ls "$SITE_ENV/lib")/.env"
	echo "SITE_DATA=$SITE/elsewhere" >>"$SITE/site.env"
	site_use "$SITE" && site_start && site_fill 1
	[ -e "$SITE/elsewhere/webui.db" ]
	expect 0 site_adopt --print
	expect_text out "$SITE/elsewhere"
}

@test "a secret key in the environment is found and never shown" {
	running_site alpha WEBUI_SECRET_KEY=s3cret-of-the-site
	expect 0 site_adopt
	! grep -q s3cret-of-the-site "$SITE/out" "$SITE/err" "$SITE_FILE" || false
}

@test "adopt as JSON" {
	running_site alpha
	expect 0 site_adopt --print --json
	jq -es 'last | .event == "result" and (.findings | length > 5)' "$SITE/out"
}

@test "what else keeps the server running is refused by name: exit 3, nothing written" {
	site_new alpha && site_env standin 0.7.2 && site_script foreground
	printf '#!/bin/sh\nbash "%s" &\nwait\n' "$SITE/start/start_openwebui.sh" >"$SITE/supervisord"
	chmod +x "$SITE/supervisord"
	(cd / && exec setsid "$SITE/supervisord") </dev/null >/dev/null 2>&1 3>&- &
	site_wait
	expect 3 site_adopt
	expect_text err 'kept running by supervisord'
	[ ! -e "$SITE_FILE" ]
}

@test "two files that could be the start script: a warning, until one is named" {
	running_site alpha
	cp -p "$SITE/start/start_openwebui.sh" "$SITE/start/start_webui_old.sh"
	expect 0 site_adopt --print
	expect_text err 'several files in .*\-\-start-script'
	expect_text out '^service +recipe +no unit, and several files'
	expect 0 site_adopt --start-script "$SITE/start/start_openwebui.sh"
	expect_text "$SITE_NAME.conf" "^start_script *= *$SITE/start/start_openwebui.sh\$"
	! grep -q 'several files in' "$SITE/err" || false
}

@test "no secret key to be found: a warning that says what that means" {
	running_site alpha
	rm "$SITE/start/.webui_secret_key"
	expect 0 site_adopt --print
	expect_text err 'no secret key was found'
}

@test "adopted again: what somebody wrote into the site file is kept beside it" {
	running_site alpha
	expect 0 site_adopt
	site_set keep_last 42
	expect 0 site_adopt
	grep -q '^keep_last = 42' "$SITE_FILE.before-adopt"
	[ "$(stat -c %a "$SITE_FILE.before-adopt")" = 600 ]
}
